import keras
import numpy as np
import pytest

from crackflow.models.flexunet import flexunet
from crackflow.params import FlexUNetParams
from crackflow.runtimes import conversion, topology

# kernels of the second level have more than 1,024 values
SMALL = FlexUNetParams(base_filters=8, max_filters=16, num_layers=2, base_kernels=(3, 3), normalization="batch")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A .keras file with batch normalizations, and its topology beside it."""
    network = flexunet(32, 2, SMALL)
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, one.shape) for one in layer.get_weights()])
    path = tmp_path_factory.mktemp("model") / "flexunet.keras"
    network.save(path)
    conversion.write_topology(path, path.with_name(topology.FILE))
    return path


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
