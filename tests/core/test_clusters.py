import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from sklearn.cluster import AgglomerativeClustering

from analytics.core import clusters, correlation, errors, market_mode
from analytics.core.returns import simple_returns


def planted_blocks(sizes=(4, 3, 2, 1), *, n_days=400, inside=0.9, seed=0):
    """Groups that share a driver, each asset with so much of its own that ρ is `inside`."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    drivers = rng.standard_normal((n_days, len(sizes)))
    own = rng.standard_normal((n_days, len(labels)))
    return 0.03 * (np.sqrt(inside) * drivers[:, labels] + np.sqrt(1 - inside) * own), labels


def random_correlation(n_assets, seed):
    rng = np.random.default_rng(seed)
    return np.corrcoef(rng.standard_normal((n_assets, 8)) + rng.standard_normal(8))


def partition(labels):
    return {frozenset(np.flatnonzero(labels == label)) for label in np.unique(labels)}


# Finding


def test_by_hand():
    # 0 and 1 join at ρ = 0.9. Their mean distance to 2 is that of √(2 · 0.2) and √(2 · 0.5).
    rho = np.array([[1.0, 0.9, 0.8], [0.9, 1.0, 0.5], [0.8, 0.5, 1.0]])
    mean_distance = (np.sqrt(0.4) + np.sqrt(1.0)) / 2
    found = clusters.find(rho)
    np.testing.assert_allclose(found.merges[:, 2], [np.sqrt(0.2), mean_distance])
    assert found.labels.tolist() == [0, 0, 1]
    joining = 1 - mean_distance**2 / 2
    assert clusters.find(rho, threshold=joining).labels.tolist() == [0, 0, 0]
    assert clusters.find(rho, threshold=joining + 1e-6).labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize("seed", range(10))
def test_planted_blocks_are_recovered(seed):
    returns, planted = planted_blocks(seed=seed)
    shuffled = np.random.default_rng(seed).permutation(len(planted))
    found = clusters.find(correlation.pairwise(returns[:, shuffled]).correlation)
    assert partition(found.labels) == partition(planted[shuffled])


@given(st.integers(2, 15), st.integers(0, 2**32 - 1), st.floats(-1, 1))
def test_the_cut_is_that_of_scipy_and_of_scikit_learn(n_assets, seed, threshold):
    rho = random_correlation(n_assets, seed)
    distances = np.sqrt(2 * np.clip(1 - rho, 0, 2))
    np.fill_diagonal(distances, 0)
    found = clusters.find(rho, threshold=threshold)
    height = np.sqrt(2 * (1 - threshold)) + 1e-9
    merges = hierarchy.linkage(squareform(distances, checks=False), "average")
    assert partition(found.labels) == partition(hierarchy.fcluster(merges, height, "distance"))
    peer = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=height
    )
    assert partition(found.labels) == partition(peer.fit_predict(distances))


@given(st.integers(2, 15), st.integers(0, 2**32 - 1))
def test_the_order_of_assets_does_not_matter(n_assets, seed):
    rho = random_correlation(n_assets, seed)
    order = np.random.default_rng(seed).permutation(n_assets)
    plain, permuted = clusters.find(rho), clusters.find(rho[np.ix_(order, order)])
    assert partition(permuted.labels) == partition(plain.labels[order])
    np.testing.assert_allclose(permuted.merges[:, 2], plain.merges[:, 2], atol=1e-12)


def test_duplicates_merge_at_zero():
    returns, _ = planted_blocks()
    doubled = np.hstack([returns, returns[:, [2]], 3 * returns[:, [2]]])
    found = clusters.find(correlation.pairwise(doubled).correlation)
    # To the root of the rounding of a correlation of one.
    np.testing.assert_allclose(found.merges[:2, 2], 0, atol=1e-7)
    assert len(set(found.labels[[2, 10, 11]])) == 1
    assert clusters.find(np.ones((5, 5))).merges[:, 2].tolist() == [0, 0, 0, 0]


@given(st.integers(0, 15), st.integers(0, 2**32 - 1))
def test_leaves_are_a_permutation_that_keeps_clusters_together(n_assets, seed):
    rho = random_correlation(n_assets, seed) if n_assets > 1 else np.eye(n_assets)
    found = clusters.find(rho)
    assert sorted(found.leaf_order) == list(range(n_assets))
    in_order = found.labels[found.leaf_order]
    changes = (np.diff(in_order) != 0).sum()
    assert changes == max(len(np.unique(found.labels)) - 1, 0)


@given(st.integers(1, 15), st.integers(0, 2**32 - 1))
def test_labels_count_up_as_clusters_first_appear(n_assets, seed):
    rho = random_correlation(n_assets, seed) if n_assets > 1 else np.eye(1)
    labels = clusters.find(rho).labels
    _, first = np.unique(labels, return_index=True)
    assert first[0] == 0
    assert (np.diff(first) > 0).all()


def test_higher_thresholds_only_split_clusters():
    rho = random_correlation(12, 3)
    coarse, fine = (clusters.find(rho, threshold=t).labels for t in (0.3, 0.8))
    for cluster in partition(fine):
        assert any(cluster <= whole for whole in partition(coarse))


# Stability


def test_planted_blocks_are_stable_and_chance_is_not():
    returns, planted = planted_blocks()
    found = clusters.stability(returns, planted)
    assert found.stable.all()
    assert (found.share > 0.99).all()
    arbitrary = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 2])
    assert not clusters.stability(returns, arbitrary).stable.any()


def test_a_block_just_below_the_cut_is_not_stable():
    returns, planted = planted_blocks((4, 4), n_days=120, inside=0.66)
    found = clusters.stability(returns, planted)
    assert (found.share > 0.01).all()
    assert not found.stable.any()


def test_similarity_is_jaccards():
    # {0, 1, 2, 3} against {0, 1, 2}: three of four; {4} against {3, 4}: one of two.
    one, other = (np.eye(2)[labels] for labels in ([0, 0, 0, 0, 1], [0, 0, 0, 1, 1]))
    np.testing.assert_array_equal(clusters._similarity(one, other.T[None]), [[0.75, 0.5]])


@given(st.integers(2, 15), st.integers(0, 2**32 - 1), st.floats(-1, 1))
def test_many_draws_are_joined_at_once_as_scipy_joins_one(n_assets, seed, threshold):
    rho = np.array([random_correlation(n_assets, seed + n) for n in range(3)])
    distances = np.sqrt(2 * np.clip(1 - rho, 0, 2))
    pairs = np.triu_indices(n_assets, 1)
    for drawn, together in zip(distances, clusters._joined(distances, threshold), strict=True):
        merges = hierarchy.linkage(drawn[pairs], "average")
        height = np.sqrt(2 * (1 - threshold)) + 1e-9
        found = {frozenset(np.flatnonzero(row)) for row in together if row.any()}
        assert found == partition(hierarchy.fcluster(merges, height, "distance"))


@pytest.mark.parametrize("halflife", [None, 40])
@pytest.mark.parametrize("young", [0, 100])
def test_draws_at_once_are_those_of_one_at_a_time(young, halflife):
    returns, planted = planted_blocks((4, 3, 2, 1), n_days=180, inside=0.7)
    returns[:young, 2:4] = np.nan
    moves, observed = clusters._moves(returns, 60)
    weights = np.ones(180) if halflife is None else 0.5 ** (np.arange(180)[::-1] / halflife)
    returned = np.zeros(4)
    for multiplicity in clusters._multiplicities(180, draws=200, block_days=20, seed=0):
        rho, _, _ = correlation.zero_mean(moves, observed, multiplicity * weights)
        distances = np.sqrt(2 * np.maximum(1 - rho[np.triu_indices(10, 1)], 0))
        cut = hierarchy.fcluster(hierarchy.linkage(distances, "average"), np.sqrt(0.6), "distance")
        for number, members in enumerate([range(4), range(4, 7), (7, 8), (9,)]):
            near = [len(c & set(members)) / len(c | set(members)) for c in partition(cut)]
            returned[number] += max(near) >= 0.75
    found = clusters.stability(returns, planted, halflife=halflife, draws=200)
    np.testing.assert_array_equal(found.share, returned / 200)
    assert 0 < found.share.min() < 1


def test_each_draw_is_made_of_whole_blocks_and_as_long_as_history():
    for multiplicity in clusters._multiplicities(100, draws=20, block_days=25, seed=1):
        assert multiplicity.sum() == 100
        # Four blocks around the end: at most four edges up and four down.
        assert (np.diff(multiplicity, append=multiplicity[0]) != 0).sum() <= 8


def test_stability_does_not_depend_on_the_order_of_assets():
    returns, planted = planted_blocks((4, 4), n_days=120, inside=0.7)
    order = np.array([5, 0, 6, 1, 7, 2, 4, 3])
    renamed = 1 - planted
    plain = clusters.stability(returns, planted, draws=100)
    permuted = clusters.stability(returns[:, order], renamed[order], draws=100)
    np.testing.assert_array_equal(permuted.share, plain.share[::-1])


def test_the_same_seed_tells_the_same_and_another_nearly_so():
    returns, planted = planted_blocks((4, 4), n_days=120, inside=0.75)
    one, same, another = (clusters.stability(returns, planted, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.share, same.share)
    assert not np.array_equal(one.share, another.share)
    np.testing.assert_allclose(one.share, another.share, atol=0.12)


def test_days_that_faded_hardly_count():
    # Together for 300 days, apart for the last 200.
    rng = np.random.default_rng(0)
    returns, planted = planted_blocks((3, 1), n_days=500)
    returns[300:] = 0.03 * rng.standard_normal((200, 4))
    assert clusters.stability(returns, planted, threshold=0.4).stable[0]
    assert not clusters.stability(returns, planted, threshold=0.4, halflife=30).stable[0]


def test_a_young_asset_has_its_pairs_judged_on_its_own_days():
    returns, planted = planted_blocks()
    returns[:-60, 1] = np.nan
    found = clusters.stability(returns, planted, draws=200)
    assert found.stable.all()


@settings(max_examples=25)
@given(st.integers(2, 6), st.integers(2, 40), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_shares_are_shares(n_assets, n_days, block_days, seed):
    rng = np.random.default_rng(seed)
    returns = rng.standard_normal((n_days, n_assets))
    labels = clusters.find(np.atleast_2d(np.corrcoef(returns.T))).labels
    found = clusters.stability(
        returns, labels, min_overlap=2, draws=10, block_days=block_days, seed=seed
    )
    assert ((found.share >= 0) & (found.share <= 1)).all()
    np.testing.assert_array_equal(found.stable, found.share >= 0.8)


# Hidden behind the market


def without_market(returns, **options):
    left = market_mode.remove(returns, market=0).returns
    return correlation.pairwise(left, **options)


def linked(rest, *, link=0.66, seed=1000):
    """A market, and assets that follow it with this correlation and share `rest` beyond it."""
    market = np.random.default_rng(seed).standard_normal((len(rest), 1))
    moves = link * market + np.sqrt(1 - link**2) * rest / rest.std(axis=0)
    return 0.03 * np.hstack([market, moves])


@pytest.mark.parametrize("seed", range(5))
def test_groups_that_share_most_of_their_rest_are_found_behind_the_market(seed):
    rest, planted = planted_blocks((3, 3, 2, 1), inside=0.65, n_days=365, seed=seed)
    found = clusters.hidden(without_market(linked(rest)))
    assert partition(found.labels) == partition(planted)


def test_groups_that_share_less_than_half_of_their_rest_are_not():
    rest, _ = planted_blocks((3, 3), inside=0.35, n_days=1000)
    assert clusters.hidden(without_market(linked(rest))).labels.max() == 5


def test_unrelated_assets_look_like_one_bet_as_rarely_as_said():
    rng = np.random.default_rng(0)
    found = plain = 0
    for _ in range(300):
        rest = correlation.pairwise(rng.standard_t(4, (30, 20)), min_overlap=30)
        found += clusters.hidden(rest).labels.max() < 19
        plain += clusters.find(rest.correlation, threshold=0.5).labels.max() < 19
    assert found / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert plain / 300 > 0.25


def test_a_long_history_is_cut_as_any_other():
    rest, _ = planted_blocks((3, 3, 2), inside=0.55, n_days=365)
    residual = without_market(linked(rest))
    plain = clusters.find(residual.correlation, threshold=0.5)
    np.testing.assert_array_equal(clusters.hidden(residual).labels, plain.labels)


def test_a_pair_of_which_nothing_is_known_counts_as_unrelated():
    rest, _ = planted_blocks((3, 3), inside=0.9)
    returns = linked(rest)
    returns[:-20, 1] = np.nan  # the first of the first block
    residual = without_market(returns)
    assert np.isnan(residual.correlation[0, 1])
    assert partition(clusters.hidden(residual).labels) == {
        frozenset({0}),
        frozenset({1, 2}),
        frozenset({3, 4, 5}),
    }


def test_the_markets_own_double_and_a_market_alone_have_nothing_left():
    returns = linked(planted_blocks((2,), inside=0.9)[0])
    doubled = np.hstack([returns, 2 * returns[:, [0]]])
    assert clusters.hidden(without_market(doubled)).labels.tolist() == [0, 0, 1]
    assert clusters.hidden(without_market(returns[:, :1])).labels.tolist() == []
    assert clusters.hidden(without_market(returns[:, :2])).labels.tolist() == [0]


@given(st.integers(2, 10), st.integers(20, 60), st.integers(0, 2**32 - 1))
def test_hidden_clusters_do_not_depend_on_the_order_of_assets(n_assets, n_days, seed):
    rng = np.random.default_rng(seed)
    rest = rng.standard_normal((n_days, n_assets)) + rng.standard_normal((n_days, 1))
    order = rng.permutation(n_assets)
    plain = clusters.hidden(correlation.pairwise(rest, min_overlap=2))
    permuted = clusters.hidden(correlation.pairwise(rest[:, order], min_overlap=2))
    assert partition(permuted.labels) == partition(plain.labels[order])


# Real prices


@pytest.fixture(scope="module")
def closes(market_directory):
    """Closes to 2024 of all coins but stablecoins."""
    files = sorted(market_directory.glob("*.csv"))
    frame = pd.DataFrame(
        {
            path.stem: pd.read_csv(path, index_col="date", parse_dates=["date"])["close"]
            for path in files
        }
    )
    return frame.drop(columns=["USDC", "USDT"]).loc[:"2024"]


def window(closes, end, days=365):
    """Names, Bitcoin first, and simple returns of the coins with a close on each of the days."""
    of = closes.loc[:end].iloc[-days - 1 :].dropna(axis=1)
    names = ["BTC", *of.columns.drop("BTC")]
    return names, simple_returns(of[names].to_numpy())


@pytest.fixture(scope="module")
def year_2022(closes):
    return window(closes, "2022-12-31")


def test_the_hidden_cut_is_the_raw_one_seen_through_bitcoins_median_link(closes):
    links = []
    for end in pd.date_range("2019-06-30", "2024-12-31", freq="QE"):
        _, returns = window(closes, end)
        links.append(np.median(correlation.pairwise(returns).correlation[0, 1:]))
    link = np.median(links)
    assert link == pytest.approx(0.66, abs=0.005)
    assert (clusters.THRESHOLD - link**2) / (1 - link**2) == pytest.approx(0.47, abs=0.005)
    # What chance does among 19 coins in such a window stays far below.
    assert correlation.chance_level(243.0, pairs=171) < 0.25


def test_families_of_coins_show_behind_bitcoin(closes):
    names, returns = window(closes, "2024-06-30")
    found = clusters.hidden(without_market(returns))
    families = {
        frozenset(names[1 + column] for column in members)
        for members in partition(found.labels)
        if len(members) > 1
    }
    assert families == {
        frozenset({"ARB", "ETH", "OP"}),
        frozenset({"AAVE", "UNI"}),
        frozenset({"AVAX", "SOL"}),
        frozenset({"LTC", "XRP"}),
        frozenset({"ADA", "ATOM", "DOT", "MATIC"}),
    }


def test_the_sixteen_coin_cluster_of_2022_is_stable_though_its_exact_set_is_not(
    year_2022, monkeypatch
):
    names, returns = year_2022
    found = clusters.find(correlation.pairwise(returns).correlation)
    sizes = np.bincount(found.labels)
    assert sizes.max() == 16
    assert {"BTC", "ETH"} <= {names[k] for k in np.flatnonzero(found.labels == sizes.argmax())}
    similar = clusters.stability(returns, found.labels)
    assert similar.share[sizes.argmax()] > 0.9
    monkeypatch.setattr(clusters, "SIMILARITY", 1.0)
    exact = clusters.stability(returns, found.labels)
    assert 0.05 < exact.share[sizes.argmax()] < 0.4
    assert not exact.stable[sizes.argmax()]


def test_behind_bitcoins_move_the_raw_cut_finds_nothing_and_the_hidden_one_little(year_2022):
    _, returns = year_2022
    residual = without_market(returns)
    assert np.bincount(clusters.find(residual.correlation).labels).max() == 1
    assert np.bincount(clusters.hidden(residual).labels).max() == 3


# Refusals


@pytest.mark.parametrize(
    ("rho", "error", "message"),
    [
        ([[1.0, 1.1], [1.1, 1.0]], errors.OutOfRangeError, "row 0, column 1"),
        ([[1.0, 0.5], [0.5, 0.9]], errors.OutOfRangeError, "column 1"),
        ([[1.0, np.nan], [np.nan, 1.0]], errors.NotFiniteError, "row 0, column 1"),
        ([[1.0, 0.5], [0.4, 1.0]], errors.NotSymmetricError, "row 0, column 1"),
        ([[1.0, 0.5]], errors.ShapeError, "correlations"),
    ],
)
def test_what_is_no_correlation_matrix_is_refused(rho, error, message):
    with pytest.raises(error, match=message):
        clusters.find(rho)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"labels": [0, 0, 2, 2]}, errors.OutOfRangeError, "labels"),
        ({"labels": [0, 0]}, errors.ShapeError, "labels"),
        ({"halflife": 0}, errors.OutOfRangeError, "halflife"),
        ({"threshold": 2}, errors.OutOfRangeError, "threshold"),
        ({"min_overlap": 1}, errors.OutOfRangeError, "min_overlap"),
        ({"draws": 0}, errors.OutOfRangeError, "draws"),
        ({"block_days": 0}, errors.OutOfRangeError, "block_days"),
    ],
)
def test_unusable_parameters_are_refused_by_name(changes, error, message):
    returns, _ = planted_blocks((2, 2))
    with pytest.raises(error, match=message):
        clusters.stability(returns, **({"labels": [0, 0, 1, 1]} | changes))


def test_histories_that_cannot_be_resampled_are_refused():
    returns, labels = planted_blocks((2, 2))
    young, still, broken = returns.copy(), returns.copy(), returns.copy()
    young[:-59, 2] = np.nan
    still[:, 3] = 0.0
    broken[5, 1] = np.inf
    with pytest.raises(errors.TooLittleHistoryError, match="columns 0 and 2"):
        clusters.stability(young, labels)
    with pytest.raises(errors.ZeroVolatilityError, match="column 3"):
        clusters.stability(still, labels)
    with pytest.raises(errors.NotFiniteError, match="row 5, column 1"):
        clusters.stability(broken, labels)
    with pytest.raises(errors.ShapeError, match="two columns"):
        clusters.stability(returns[:, :1], [0])
    with pytest.raises(errors.OutOfRangeError, match="threshold"):
        clusters.find(np.eye(2), threshold=1.5)
