"""Fetch a data set from Kaggle at a pinned version."""

import re
from pathlib import Path

from crackflow.errors import DataError

_OTHERWISE = "or set data.source to folder and data.path to a copy that you have; data.source sample needs no network"


def fetch(handle: str, version: int) -> Path:
    """Fetch a data set, or find it where an earlier run left it.

    Args:
        handle: owner/name on Kaggle.
        version: the version of the data set, from 1.

    Returns:
        The folder in kagglehub's own cache (`KAGGLEHUB_CACHE`, else ~/.cache/kagglehub); read it, change nothing.

    Raises:
        DataError: when Kaggle can't be reached, refuses, or has no such data set or version.
    """
    if re.fullmatch(r"[\w-]+/[\w-]+", handle) is None:
        raise DataError(f"data.kaggle.handle is {handle!r}, expected owner/name as in the data set's address")

    import kagglehub
    import requests
    from kagglehub import exceptions

    name = f"{handle} version {version}"
    try:
        return Path(kagglehub.dataset_download(f"{handle}/versions/{version}"))
    except requests.HTTPError as error:
        raise DataError(_refused(name, error.response.status_code if error.response is not None else 0)) from None
    except (exceptions.CredentialError, exceptions.UnauthenticatedError):
        raise DataError(_refused(name, 401)) from None
    except exceptions.NotFoundError:
        raise DataError(_refused(name, 404)) from None
    except requests.RequestException as error:
        raise DataError(
            f"Kaggle can't be reached for {name} ({type(error).__name__}); go online and run again, {_OTHERWISE}"
        ) from None
    except exceptions.DataCorruptionError:
        raise DataError(f"{name} arrived damaged from Kaggle; run again") from None
    except ValueError:
        raise DataError("the Kaggle credentials are malformed; write ~/.kaggle/kaggle.json anew") from None


def _refused(name: str, status: int) -> str:
    """What a status means; the server's own text is left out, since it can hold signed addresses."""
    if status in {401, 403}:
        return f"Kaggle refuses {name} ({status}); put an API token into ~/.kaggle/kaggle.json, {_OTHERWISE}"
    if status == 404:
        return f"Kaggle has no {name} (404); check data.kaggle.handle and data.kaggle.version"
    return f"Kaggle answers {status or 'nothing'} for {name}; run again later, {_OTHERWISE}"
