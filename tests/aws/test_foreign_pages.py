"""What somebody else's server answers in AWS's place is cut to its status, never shown."""

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from provisioner.aws.session import guarded
from provisioner.errors import RefusedError

PAGE = "<!doctype html>\n<title>Sign in to the proxy</title>"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ClientError({"Error": {"Code": "404", "Message": PAGE}}, "ListCostAllocationTags"),
            "ListCostAllocationTags: 404",
        ),
        (
            ResponseParserError(f"Unable to parse response, invalid XML received:\nb'{PAGE}'"),
            "what answered does not speak AWS: Unable to parse response, invalid XML received",
        ),
        (ClientError({"Error": {"Code": "Bad", "Message": "a < b"}}, "Call"), "Call: a < b"),
    ],
)
def test_a_foreign_page_is_not_shown(error: Exception, words: str) -> None:
    def answer() -> None:
        raise error

    with pytest.raises(RefusedError) as caught:
        guarded(answer)
    assert caught.value.message == words
