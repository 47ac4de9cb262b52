"""What the core refuses, by name; each message tells the column, row or bound at fault."""


class CoreError(ValueError):
    """Any input the core refuses."""


class ShapeError(CoreError):
    """An array has the wrong number of axes, or lengths that do not fit together."""


class NotFiniteError(CoreError):
    """NaN or infinity where a number is needed, or a figure too large for float64."""


class OutOfRangeError(CoreError):
    """A parameter lies outside its bounds."""


class NotPositivePriceError(CoreError):
    """A price of zero or less."""


class TooLittleHistoryError(CoreError):
    """An asset has too few observed returns."""


class ZeroVolatilityError(CoreError):
    """An asset never moved, so it has no correlation with anything."""


class NotSymmetricError(CoreError):
    """A matrix differs from its transpose."""


class NotPositiveSemidefiniteError(CoreError):
    """A covariance gives some portfolio a negative variance."""


class NotConvergedError(CoreError):
    """An iteration reached its limit before its tolerance."""


class WeightsSumError(CoreError):
    """Target weights do not sum to one."""


class NegativeWeightError(CoreError):
    """A target weight below zero: the product has no short positions."""


class NegativeValueError(CoreError):
    """A holding worth less than nothing."""


class WorthlessPortfolioError(CoreError):
    """A portfolio worth zero has no weights to bring to target."""


class UnsortedDaysError(CoreError):
    """Days that do not follow one another."""


class TooFewHoldingsError(CoreError):
    """A portfolio holds too few risky assets for the figure to mean anything."""


class UndefinedReturnError(CoreError):
    """A value or cash flow of which no rate of return can be told."""


class SeveralRatesError(UndefinedReturnError):
    """Several rates of return explain the same cash flows equally well."""


class InconsistentTradeError(CoreError):
    """Entry, stop and targets that are neither a long nor a short trade."""


class InfeasibleBoundsError(CoreError):
    """Bounds that no portfolio can keep all at once."""


class NoPositiveReturnError(CoreError):
    """No portfolio within its bounds is expected to earn more than cash."""


class InconsistentPricesError(CoreError):
    """An open or close outside the range from the day's low to its high."""


class NotEnoughToSellError(CoreError):
    """More cash or more units wanted than what may be sold brings."""


class NegativeQuantityError(CoreError):
    """Fewer than no units of an asset."""
