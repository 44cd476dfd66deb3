"""Quick-create links: what goes in comes out, and nothing else gets in."""

from random import Random
from unicodedata import category

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner import link as links
from provisioner import regions
from provisioner.errors import SpecError
from provisioner.link import Link

URL = "https://acme-templates.s3.eu-central-1.amazonaws.com/stackwright/0a.json"
LINK = Link(
    region="eu-central-1",
    template_url=URL,
    stack_name="churn-dev",
    parameters={"TrustedPrincipal": "arn:aws:iam::111122223333:role/ml+x", "Team": "a b&c=d#e+f%g"},
)
TEXT = (
    "https://eu-central-1.console.aws.amazon.com/cloudformation/home?region=eu-central-1"
    "#/stacks/create/review?templateURL=https%3A%2F%2Facme-templates.s3.eu-central-1.amazonaws.com"
    "%2Fstackwright%2F0a.json&stackName=churn-dev"
    "&param_TrustedPrincipal=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fml%2Bx"
    "&param_Team=a%20b%26c%3Dd%23e%2Bf%25g"
)

# Tags: letters, spaces, numbers and _ . : / = + - @; role names: + = , . @ -; e-mail addresses: the rest.
AWKWARD = "&#+%=?/ \u00a0\u3000_.:@-,!$'*^`{|}~;\"<>\\()[]äß漢字٣½é\u0301🐍"
NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcxyz0123456789", min_size=1, max_size=12)
VALUES = st.text(
    st.sampled_from(AWKWARD) | st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20
)
STACKS = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,30}", fullmatch=True)
REGIONS = st.sampled_from(regions.names())
EVERY = [c for c in map(chr, range(1, 0x20000)) if category(c) not in ("Cc", "Cs")]


def made(**changes: object) -> Link:
    return Link(**vars(LINK) | changes)


def with_parameter(value: str) -> Link:
    return made(parameters={"Value": value})


def refusal(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        links.parse(text)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_link_reads_as_the_console_wants_it() -> None:
    assert links.quick_create(LINK) == TEXT


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parameters=st.dictionaries(NAMES, VALUES, max_size=6), name=STACKS, region=REGIONS, key=VALUES)
def test_a_link_parsed_back_gives_the_same_values(
    parameters: dict[str, str], name: str, region: str, key: str
) -> None:
    url = links.object_url(bucket="acme-templates", key=f"stackwright/{key}.json", region=region)
    link = Link(region=region, template_url=url, stack_name=name, parameters=parameters)
    assert links.parse(links.quick_create(link)) == link


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(min_value=0))
def test_ten_thousand_parameter_sets_come_back_as_they_were(seed: int) -> None:
    random = Random(seed)
    for _ in range(200):
        parameters = {
            f"Parameter{n}": "".join(random.choices(AWKWARD, k=6) + random.choices(EVERY, k=6))
            for n in range(random.randint(1, 5))
        }
        link = made(region="eu-central-1", parameters=parameters)
        assert links.parse(links.quick_create(link)) == link


def test_every_character_goes_through_a_link() -> None:
    for start in range(0, len(EVERY), 4096):
        link = with_parameter("".join(EVERY[start : start + 4096]))
        assert links.parse(links.quick_create(link)) == link


def test_every_character_of_a_tag_goes_through_a_link_alone() -> None:
    tag = [chr(n) for n in range(0x700) if category(chr(n))[0] in "LZN"] + [*"_.:/=+-@"]
    for character in tag:
        assert links.parse(links.quick_create(with_parameter(character))) == with_parameter(character)


@pytest.mark.parametrize(
    "address", ["ml-team@example.com", "o'neil+ml@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"]
)
def test_an_e_mail_address_goes_through_a_link(address: str) -> None:
    assert links.parse(links.quick_create(with_parameter(address))) == with_parameter(address)


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda t: TEXT + t))
@settings(deadline=None)
def test_any_text_is_a_link_or_not_understood(text: str) -> None:
    try:
        links.parse(text)
    except SpecError as error:
        assert error.field == "url"


def test_an_empty_parameter_is_left_out() -> None:
    assert links.quick_create(made(parameters={"Team": "", "Project": "x"})).endswith(
        "stackName=churn-dev&param_Project=x"
    )


def test_a_value_cannot_add_a_key() -> None:
    evil = with_parameter("a&templateURL=https://evil.s3.amazonaws.com/t.json&param_Team=x")
    text = links.quick_create(evil)
    assert text.count("templateURL=") == 1
    assert links.parse(text) == evil


def test_a_parameter_name_cannot_add_a_key() -> None:
    evil = made(parameters={"A=1&templateURL": "https://evil"})
    assert links.parse(links.quick_create(evil)) == evil


@pytest.mark.parametrize(
    "more",
    [
        "&templateURL=https%3A%2F%2Fevil.s3.amazonaws.com%2Ft.json",
        "&param_Team=x",
        "&param%5FTeam=x",
        "&stackName=other",
    ],
)
def test_a_key_that_stands_twice_is_refused(more: str) -> None:
    assert "stands twice" in refusal(TEXT + more).message


def test_a_region_that_stands_twice_is_refused() -> None:
    twice = TEXT.replace("?region=eu-central-1", "?region=us-east-1&region=eu-central-1")
    assert refusal(twice).message == (
        "not a link of ours: region stands twice: nobody can say which one the console takes"
    )


def test_a_key_that_nobody_knows_is_refused() -> None:
    assert refusal(TEXT + "&templateurl=x").message == (
        "not a link of ours: nobody can say what the console makes of 'templateurl'"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("eu-central-1.console.aws.amazon.com", "console.evil.com"), "console.evil.com is not the AWS"),
        (("eu-central-1.console.aws", "us-east-1.console.aws"), "us-east-1.console.aws.amazon.com is not"),
        (("//eu-central-1.console", "//x@eu-central-1.console"), "is not the AWS console of eu-central-1"),
        ((".amazon.com/cloud", ".amazon.com.evil.com/cloud"), "is not the AWS console of eu-central-1"),
        (("region=eu-central-1", "region=eu-central-9"), "region 'eu-central-9' is unknown"),
        (("?region=eu-central-1", ""), "region '' is unknown"),
        (("https://eu", "http://eu"), "it is no CloudFormation quick-create address"),
        (("/cloudformation/home", "/iam/home"), "it is no CloudFormation quick-create address"),
        (("/stacks/create/review", "/stacks/delete"), "it is no CloudFormation quick-create address"),
        (("templateURL", "templateUrl"), "templateURL or stackName is missing"),
        (("&stackName=churn-dev", ""), "templateURL or stackName is missing"),
        (("churn-dev", "churn%0Adev"), "'stackName' holds a control character: 'churn\\ndev'"),
        (("churn-dev", "churn_dev"), "CloudFormation takes no stack name 'churn_dev'"),
        (("a%20b", "a%1B%5B2Jb"), "'param_Team' holds a control character: 'a\\x1b[2Jb&c"),
        (("param_Team", "param_Te%C2%9Bam"), "'param_Te\\x9bam' holds a control character"),
        (("eu-central-1.console", "\x1b[2J.console"), "it holds a control character"),
        (("a%20b", "a\udc80b"), "it holds a control character"),
        ((TEXT, ""), "it is no CloudFormation quick-create address"),
        ((TEXT, "https://[eu"), "it is no CloudFormation quick-create address"),
    ],
)
def test_what_is_no_link_of_ours_is_refused_with_the_reason(change: tuple[str, str], why: str) -> None:
    error = refusal(TEXT.replace(*change, 1))
    assert why in error.message
    assert (error.field, error.hint) == ("url", "`stackwright link` makes one")


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("eu-central-1.console", "console", 1),
        TEXT.replace("/stacks/create/review", "/stacks/quickcreate"),
        f"  {TEXT}\n",
        TEXT.replace("&param_Team", "\n&param_Team"),
    ],
    ids=["global console", "old address", "blanks around", "wrapped by a terminal"],
)
def test_a_link_in_another_spelling_says_the_same(text: str) -> None:
    assert links.parse(text) == LINK


def test_a_plus_in_a_link_is_a_plus() -> None:
    assert links.parse(TEXT + "&param_Role=a+b").parameters["Role"] == "a+b"


@pytest.mark.parametrize(
    ("region", "console"),
    [
        ("eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
    ],
)
def test_the_console_is_the_partitions(region: str, console: str) -> None:
    url = links.object_url(bucket="acme", key="t.json", region=region)
    assert links.quick_create(made(region=region, template_url=url)).startswith(
        f"https://{console}/cloudformation/home?region={region}#"
    )


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-central-1", "https://acme.s3.eu-central-1.amazonaws.com/t.json"),
        ("eu-central-1", "https://acme.s3.us-east-1.amazonaws.com/t.json"),
        ("eu-central-1", "https://acme.with.dots.s3.amazonaws.com/t.json"),
        ("eu-central-1", "https://acme.s3-eu-west-1.amazonaws.com/t.json"),
        ("eu-central-1", "https://s3.eu-central-1.amazonaws.com/acme/t.json"),
        ("eu-central-1", "https://s3.amazonaws.com/acme/deep/t.json"),
        ("eu-central-1", "https://acme.s3.eu-central-1.amazonaws.com/t.json?versionId=3HL4kqtJlcpXroDTDmJ"),
        ("cn-north-1", "https://acme.s3.cn-north-1.amazonaws.com.cn/t.json"),
        ("us-gov-west-1", "https://acme.s3.us-gov-west-1.amazonaws.com/t.json"),
        ("eusc-de-east-1", "https://acme.s3.eusc-de-east-1.amazonaws.eu/t.json"),
    ],
)
def test_an_object_in_s3_of_the_partition_goes_through(region: str, url: str) -> None:
    links.check_template_url(url, region=region)


SIGNED = "https://acme.s3.eu-central-1.amazonaws.com/t.json?"
NOT_S3 = "is not an https S3 host of partition"


@pytest.mark.parametrize(
    ("region", "url", "why"),
    [
        ("eu-central-1", SIGNED + "X-Amz-Security-Token=x", "it is presigned"),
        ("eu-central-1", SIGNED + "X-Amz-Signature=x", "it is presigned"),
        ("eu-central-1", SIGNED + "x-amz-credential=x", "it is presigned"),
        ("eu-central-1", SIGNED + "AWSAccessKeyId=x&Signature=y&Expires=1", "it is presigned"),
        ("eu-central-1", "http://acme.s3.eu-central-1.amazonaws.com/t.json", NOT_S3),
        ("eu-central-1", "https://d111.cloudfront.net/t.json", NOT_S3),
        ("eu-central-1", "https://cdn.acme.com/t.json", NOT_S3),
        ("eu-central-1", "https://acme.s3.amazonaws.com.evil.com/t.json", NOT_S3),
        ("eu-central-1", "https://evil.com/acme.s3.amazonaws.com/t.json", NOT_S3),
        ("eu-central-1", "https://acme@evil.com/t.json", NOT_S3),
        ("eu-central-1", "https://x:y@acme.s3.eu-central-1.amazonaws.com/t.json", NOT_S3),
        ("eu-central-1", "https://acme.s3-website-eu-west-1.amazonaws.com/t.json", NOT_S3),
        ("eu-central-1", "https://acme.s3.cn-north-1.amazonaws.com.cn/t.json", NOT_S3 + " aws"),
        ("eu-central-1", "https://acme.s3.us-gov-west-1.amazonaws.com/t.json", NOT_S3 + " aws"),
        ("us-gov-west-1", "https://acme.s3.us-east-1.amazonaws.com/t.json", NOT_S3 + " aws-us-gov"),
        ("cn-north-1", "https://acme.s3.eu-central-1.amazonaws.com/t.json", NOT_S3 + " aws-cn"),
        ("eu-central-1", "s3://acme/t.json", NOT_S3),
        ("eu-central-1", "https://[acme/t.json", NOT_S3),
        ("eu-central-1", "", NOT_S3),
        ("eu-central-1", "https://acme.s3.eu-central-1.amazonaws.com/", "it names no object"),
        ("eu-central-1", "https://s3.eu-central-1.amazonaws.com/acme", "it names no object"),
        ("eu-central-1", URL + "#frag", "it names no object"),
        ("eu-central-1", URL + "\n", "it holds a blank"),
        ("eu-central-1", URL + "/ä", "it holds a blank or a character that is not ASCII"),
        ("eu-central-1", URL.replace("0a", "a" * 1000), "1070 characters"),
    ],
)
def test_a_template_elsewhere_is_refused_with_the_reason(region: str, url: str, why: str) -> None:
    with pytest.raises(SpecError) as caught:
        links.quick_create(made(region=region, template_url=url))
    error = caught.value
    assert error.message.startswith("the template URL does not go through a link: ")
    assert why in error.message
    assert (error.field, error.exit_code, bool(error.hint)) == ("template-url", 2, True)


def test_a_template_url_may_have_1024_characters() -> None:
    room = "a" * (1024 - len(URL))
    links.check_template_url(URL + room, region="eu-central-1")
    with pytest.raises(SpecError, match="1025 characters"):
        links.check_template_url(URL + room + "a", region="eu-central-1")


@pytest.mark.parametrize("name", ["", "1churn", "churn_dev", "churn dev", "chürn", "a" * 129, "churn\n"])
def test_a_stack_name_that_cloudformation_refuses_is_refused(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        links.quick_create(made(stack_name=name))
    assert caught.value.field == "name"


@pytest.mark.parametrize("value", ["a\nb", "a\x1b[2Jb", "\x9b", "\udc80"])
def test_a_value_that_a_terminal_obeys_goes_into_no_link(value: str) -> None:
    with pytest.raises(SpecError) as caught:
        links.quick_create(with_parameter(value))
    assert (caught.value.message, caught.value.field) == (
        f"'Value' holds a control character: {value!r}",
        "Value",
    )


DECLARED = {
    "FinishBase": {"Type": "String", "AllowedPattern": r"^(https://[A-Za-z0-9.-]+)?$"},
    "Kind": {"Type": "String", "AllowedValues": ["true", "false"], "ConstraintDescription": "either"},
    "Days": {"Type": "Number", "MinValue": 1, "MaxValue": 30},
}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("FinishBase", "https://zenml.example.com", None),
        ("FinishBase", "", None),
        ("Kind", "true", None),
        ("Days", "30", None),
        ("FinishBase", "http://evil/?x", ("finish-base", "'http://evil/?x' does not fit FinishBase: the "
         "template allows ^(https://[A-Za-z0-9.-]+)?$", "")),
        ("Kind", "maybe", ("Kind", "'maybe' does not fit Kind: the template allows true, false", "either")),
        ("Days", "31", ("Days", "'31' does not fit Days: the template allows numbers from 1 to 30", "")),
        ("Days", "٣", ("Days", "'٣' does not fit Days: the template allows numbers from 1 to 30", "")),
        ("Colour", "red", ("Colour", "Colour is no parameter of the template", "")),
    ],
)  # fmt: skip
def test_a_value_is_checked_against_the_templates_own_rule(
    name: str, value: str, told: tuple[str, str, str] | None
) -> None:
    if told is None:
        links.check_parameters({name: value}, DECLARED)
        return
    with pytest.raises(SpecError) as caught:
        links.check_parameters({name: value}, DECLARED)
    assert (caught.value.field, caught.value.message, caught.value.hint) == told


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://acme.s3.eu-west-1.amazonaws.com/a%20b/t.json", ("acme", "a b/t.json", "eu-west-1", "")),
        ("https://s3.eu-west-1.amazonaws.com/acme/a/t.json", ("acme", "a/t.json", "eu-west-1", "")),
        ("https://acme.s3.amazonaws.com/t.json?versionId=3", ("acme", "t.json", "", "3")),
    ],
)
def test_a_template_url_names_an_object(url: str, found: tuple[str, str, str, str]) -> None:
    bucket, key, region, version = found
    assert links.object_of(url, region="eu-central-1") == links.S3Object(
        bucket=bucket, key=key, region=region, version=version
    )


def test_the_address_of_an_object_is_the_partitions() -> None:
    assert [
        links.object_url(bucket="acme", key="a b/ü.json", region=region)
        for region in ("eu-central-1", "cn-north-1", "us-gov-east-1", "eusc-de-east-1")
    ] == [
        "https://acme.s3.eu-central-1.amazonaws.com/a%20b/%C3%BC.json",
        "https://acme.s3.cn-north-1.amazonaws.com.cn/a%20b/%C3%BC.json",
        "https://acme.s3.us-gov-east-1.amazonaws.com/a%20b/%C3%BC.json",
        "https://acme.s3.eusc-de-east-1.amazonaws.eu/a%20b/%C3%BC.json",
    ]
