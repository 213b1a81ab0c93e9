"""``visavis models fetch NAME``: downloads weights for the engines that can use them, into the data folder."""

import argparse
import re
import warnings
from pathlib import Path

from protocol.run import data_folder
from tools.errors import ToolError

PREFIX = "whisper-"


def fetch(name: str) -> Path:
    """Raises ToolError for a name that is none, or where the download fails."""
    from faster_whisper.utils import available_models, download_model
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    size = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or size not in available_models():
        raise ToolError(f"no model {name!r}; there are {', '.join(PREFIX + size for size in available_models())}")
    folder = data_folder() / "models" / name
    if folder.exists():
        return folder
    unfinished = folder.with_name(name + ".part")  # engines must not take half a model
    try:
        with warnings.catch_warnings(action="ignore"):  # faster-whisper passes an option that is gone
            download_model(size, output_dir=str(unfinished))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = re.sub(r"\s+", " ", str(error.__cause__ or error))[:200]
        raise ToolError(f"{name} could not be fetched, is this machine on the internet? ({reason})") from error
    return unfinished.rename(folder)


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("fetch", help="download a model; `--engine auto` takes it from the next start on")
    verb.add_argument("name", help="whisper-base.en, for example")


def run(args: argparse.Namespace) -> int:
    print(f"{args.name} is in {fetch(args.name)}; restart stt to use it")
    return 0
