"""The parameters that decide who gets in: nobody may change them between a link and its stack."""

from provisioner.component import parameter_name
from provisioner.components import CATALOGUE

# Options that decide it, as parameters; whether each is a list.
_OPTIONS = {parameter_name(c.type, o.name): o.default == () for c in CATALOGUE for o in c.options if o.guards}
# Whom the role trusts and what caps it, who reaches machines and clusters, whose key encrypts the data and
# who hears of its costs.
PARAMETERS = (
    "TrustedPrincipal",
    "ExternalId",
    "OidcSubject",
    "OidcAudience",
    "OidcProviderArn",
    "PermissionsBoundaryArn",
    *_OPTIONS,
    "DataKeyArn",
    "BudgetNotify",
)


def is_same(parameter: str, one: str, other: str) -> bool:
    """Whether two values of a parameter mean the same: a list may stand in any order, with blanks."""
    return _items(one) == _items(other) if _OPTIONS.get(parameter) else one == other


def _items(text: str) -> set[str]:
    return {item.strip() for item in text.split(",")}
