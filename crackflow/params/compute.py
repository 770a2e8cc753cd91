"""Parameters of the machine that works: they change no output, so no stage depends on them."""

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from crackflow.errors import ParamsError
from crackflow.params.types import Block, Count

EngineName = Literal["threads", "processes", "dask"]
_SHORT = re.compile(r"(?P<engine>threads|processes|dask)(?::(?:(?P<workers>\d{1,4})|(?P<address>\w+://\S+)))?")


class ComputeParams(Block):
    """Read by resize, split, statistics, evaluate and predict, whose outputs don't depend on it: who works.

    Train has a variable of its own, CRACKFLOW_WORKERS: docs/how-to/train-together.md.
    """

    engine: EngineName = Field("threads", description="dask needs the extra dask")
    workers: Count = Field(0, description="threads or processes on this machine; 0 for one per core")
    address: str = Field("", description="of a Dask scheduler, such as tls://host:8786; empty starts one here")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.address and self.engine != "dask":
            raise ValueError(f"compute.address is read by engine dask only, received engine {self.engine}; remove one")
        if self.address and self.workers:
            raise ValueError("compute.workers is of this machine, received an address too; remove one of them")
        return self


def parse_compute(text: str) -> ComputeParams:
    """Read the short form of a command's option and of the environment.

    Args:
        text: ENGINE, ENGINE:WORKERS or dask:ADDRESS, such as "threads:1" or "dask:tls://host:8786".

    Raises:
        ParamsError: when it is none of these.
    """
    found = _SHORT.fullmatch(text)
    if not found or (found["address"] and found["engine"] != "dask"):
        raise ParamsError(
            f"received compute {text!r}, expected threads, processes or dask, with :WORKERS after it if wanted, or "
            "dask:ADDRESS such as dask:tls://host:8786; correct it"
        )
    workers, address = int(found["workers"] or 0), found["address"] or ""
    return ComputeParams.model_validate({"engine": found["engine"], "workers": workers, "address": address})
