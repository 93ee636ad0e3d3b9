"""How the dashboards select series: by the variables `job`, `region` and `pack`.

Metric names are written out in full everywhere, so that a search for one finds its panels.
"""


def of_job(metric: str, **labels: str) -> str:
    """A metric of the whole daemon."""
    return _select(metric, 'job="$job"', **labels)


def of_region(metric: str, **labels: str) -> str:
    """A metric with a region, of those that are chosen."""
    return _select(metric, 'job="$job"', 'region=~"$region"', **labels)


def of_pack(metric: str, **labels: str) -> str:
    """A metric with a region and a pack, of those that are chosen."""
    return _select(metric, 'job="$job"', 'region=~"$region"', 'pack=~"$pack"', **labels)


def total(by: str, within: str, series: str) -> str:
    """The sum over all but `by`, where a region is counted once though two instances report it.

    A restart leaves the series of two instances side by side for a moment; `within` names the
    labels that tell real things apart, and the larger value stands for each of them.
    """
    largest = f"max by ({within}) ({series})"
    return f"sum by ({by}) ({largest})" if by else f"sum({largest})"


def rate(by: str, series: str) -> str:
    """Events a second of a counter."""
    return f"sum by ({by}) (rate({series}[$__rate_interval]))"


def increase(by: str, series: str) -> str:
    """Events of a counter within the window of a point."""
    return f"sum by ({by}) (increase({series}[$__rate_interval]))"


def quantile(of: str, by: str, series: str, window: str = "$__rate_interval") -> str:
    """A quantile of a histogram, given its `_bucket` series; nothing while nothing happens."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({of}, sum by ({labels}) (rate({series}[{window}]))) >= 0"


def _select(metric: str, *matchers: str, **labels: str) -> str:
    """`a|b` as a value is a choice, and `!a` everything else."""
    for name, value in labels.items():
        sign = "!=" if value.startswith("!") else "=~" if "|" in value else "="
        matchers += (f'{name}{sign}"{value.removeprefix("!")}"',)
    return f"{metric}{{{','.join(matchers)}}}"
