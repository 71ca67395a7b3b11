"""How a look or an effect that did not succeed is told to those who plan: whose fault, and whether
it may have happened.  The shell turns every error of CML and of the files into one of these.
"""

from controller.core.model.plan import Result


class Fault(Exception):  # noqa: N818  a word of the design, and a base that says more than "error"
    """A look or an effect that did not succeed.

    `kind` is the name of the error; `aborts` says that nothing else may be tried in this project
    in this pass.  The message is for people and holds no secret.
    """

    def __init__(
        self, message: str, *, result: Result = Result.FAILED, kind: str, aborts: bool = False
    ) -> None:
        super().__init__(message)
        self.result = result
        self.kind = kind
        self.aborts = aborts
