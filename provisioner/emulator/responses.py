"""What the taught services share: an AwsError raised anywhere becomes the service's error answer."""

from __future__ import annotations

from typing import Any, ClassVar

from moto.core.responses import BaseResponse

from provisioner.emulator.refusal import AwsError, Protocol


class TaughtResponse(BaseResponse):
    """A moto response class, or a mix-in before one, whose actions may raise AwsError."""

    error_protocol: ClassVar[Protocol] = "query"

    def call_action(self) -> Any:
        """Run the action."""
        try:
            return self._run()
        except AwsError as error:
            answer = error.render(self.error_protocol)
            return answer.status, {"Content-Type": answer.content_type}, answer.body

    def _run(self) -> Any:
        try:
            return super().call_action()
        except NotImplementedError:
            raise AwsError(
                "InvalidAction", f"The emulator does not implement {self._get_action()}."
            ) from None
