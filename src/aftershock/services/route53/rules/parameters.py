"""Parameters that several operations read alike."""

from aftershock.aws.call import Params

from .errors import invalid_input

MAX_PAGE = 100


def refuse(params: Params, *names: str) -> None:
    """
    Raises:
        AwsError: InvalidInput, naming the first of these parameters that was given
    """
    for name in names:
        if params.get(name) not in (None, [], {}, ""):
            raise invalid_input(f"The parameter {name} is not supported in this region.")


def page_size(params: Params, most: int = MAX_PAGE) -> int:
    """AWS: where more are asked for, `most` are answered.

    Raises:
        AwsError: InvalidInput
    """
    text = params.get("MaxItems")
    if text is None:
        return most
    if not str(text).isdecimal() or int(text) < 1:
        raise invalid_input(f"Invalid value for MaxItems: {text}. It must be a positive number.")
    return min(int(text), most)


def zone_id(text: str) -> str:
    """An id as it may be given: alone, or with the path that it has in answers."""
    return text.removeprefix("/").removeprefix("hostedzone/")
