"""Facts for programs: the catalogue, prices and signals, and what people own and want to own.

Each module is a resource or a few that belong together: its fields, then its operations.
"""

from django.core.exceptions import ValidationError

from accounts.api import problems
from accounts.api.problems import Problem
from portfolios.selectors.assets import UnknownAsset
from portfolios.selectors.ranges import RangeError
from portfolios.services import errors, idempotency

problems.register(
    {
        UnknownAsset: Problem("unknown_asset", 422, "No such asset"),
        RangeError: Problem("range", 422, "No such range of days"),
        errors.RevisionError: Problem("changed_since", 412, "The portfolio has changed since"),
        errors.ConflictError: Problem("conflict", 409, "Somebody else was quicker"),
        errors.QuantityError: Problem("quantity", 422, "A quantity that no balance can have"),
        errors.TargetsError: Problem("targets", 422, "Targets that describe no whole portfolio"),
        errors.RulesError: Problem("rules", 422, "Rules that nothing could follow"),
        errors.RolesError: Problem("roles", 422, "Counted and left out at once"),
        errors.TiltError: Problem("tilt", 422, "A temporary target that cannot be"),
        errors.SlotError: Problem("slot", 422, "A slot of the model cannot be filled"),
        errors.OwnAssetError: Problem("own_asset", 422, "An asset that cannot be used here"),
        errors.LedgerError: Problem("ledger", 422, "What no line of a ledger can be"),
        errors.ShortfallError: Problem("shortfall", 422, "More would leave than is held"),
        errors.MissingPriceError: Problem("missing_price", 422, "Nobody knows what it costs"),
        errors.ImportRefusedError: Problem("import_refused", 422, "The file cannot be imported"),
        idempotency.KeyReused: Problem("key_reused", 422, "The key was used for something else"),
        errors.PortfolioError: Problem("refused", 422, "A rule of the product refuses it"),
        ValidationError: Problem("not_valid", 422, "A rule of the product refuses it"),
    }
)
