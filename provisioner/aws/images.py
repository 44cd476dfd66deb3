"""Door to ECR: counting and deleting a stack's image repository."""

from provisioner.aws.session import Client
from provisioner.errors import RefusedError


class Images:
    """The image repositories of one account and region."""

    def __init__(self, client: Client, *, account: str) -> None:
        self._client = client
        self._account = account

    def exists(self, repository: str) -> bool:
        try:
            self._client.describe_repositories(registryId=self._account, repositoryNames=[repository])
        except RefusedError as error:
            if error.code == "RepositoryNotFoundException":
                return False
            raise
        return True

    def count(self, repository: str) -> int:
        pages = self._client.pages("list_images", registryId=self._account, repositoryName=repository)
        return sum(len(page["imageIds"]) for page in pages)

    def delete(self, repository: str) -> None:
        """Repository and images; one that is gone already is the same."""
        try:
            self._client.delete_repository(registryId=self._account, repositoryName=repository, force=True)
        except RefusedError as error:
            if error.code != "RepositoryNotFoundException":
                raise

    def login(self) -> bool:
        """Whether ECR gives this caller a token; the token itself is dropped."""
        return bool(self._client.get_authorization_token()["authorizationData"])
