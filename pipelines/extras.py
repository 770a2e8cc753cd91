"""What is installed only with an extra of the package, and what to say where it is missing."""

# The packages that a command may miss, by the extra that brings them. Predicting needs none of them.
EXTRAS = {
    # before train, which brings these two as well
    "app": ("starlette", "uvicorn"),
    "train": (
        "dvc",
        "dvc_objects",
        "dvclive",
        "httpx",
        "kagglehub",
        "kagglesdk",
        "keras",
        "packaging",
        "pandas",
        "prefect",
        "psutil",
        "requests",
        "scmrepo",
        "starlette",
        "tenacity",
        "tensorflow",
        "urllib3",
        "uvicorn",
        "voluptuous",
    ),
    "dask": ("dask", "dask_jobqueue", "distributed"),
    "onnx": ("onnx", "onnxruntime", "tf2onnx"),
    "geo": ("rasterio",),
    "heic": ("pillow_heif",),
    "stores": ("aiohttp", "fsspec", "s3fs"),
}


def missing_line(error: ModuleNotFoundError) -> str:
    """Say in one line which extra brings a module that is not installed; "" where none does."""
    package = (error.name or "").partition(".")[0]
    for extra, packages in EXTRAS.items():
        if package in packages:
            return (
                f"this needs {package}, which is not installed; install crackflow with its extra {extra}: "
                f"pip install 'crackflow[{extra}]'"
            )
    return ""
