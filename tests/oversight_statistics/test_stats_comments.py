"""The comment ranker: what it finds among comments it never saw, and that it says why."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import MultinomialNB

from oversight.analytics.reasons import Comment
from oversight.statistics.comment_words import LOUD, NUMBER, features
from oversight.statistics.comments import (
    MISTAKEN,
    SUGGESTS,
    CommentRanker,
    Example,
    precision_at,
    read_examples,
    usual_ranker,
)
from oversight.statistics.voices import Voices, complain, denser, together

HELD_OUT = Path(__file__).with_name("comments_held_out.toml")


def _scores(ranker: CommentRanker, texts: list[str]) -> np.ndarray:
    """Scores in the order of the texts."""
    scores = np.empty(len(texts))
    for ranked in ranker.rank(texts):
        scores[ranked.index] = ranked.score
    return scores


def test_twenty_first_places_hold_sixteen_broken_rules():
    """Among 120 comments that share no template with the training ones, 35 of them broken: p@20 ≥ .8, AUROC ≥ .85."""
    held_out = read_examples(HELD_OUT)
    texts, broken = [each.text for each in held_out], [each.broken for each in held_out]
    assert not {each.text.lower() for each in read_examples()} & {text.lower() for text in texts}
    assert precision_at(usual_ranker().rank(texts), broken) >= 0.8
    assert roc_auc_score(broken, _scores(usual_ranker(), texts)) >= 0.85


def test_a_theme_that_was_never_seen_is_still_found():
    """Each theme ranked by what the others taught: AUROC ≥ .85, p@20 ≥ .8 over all themes."""
    scores, broken = _left_out()
    assert roc_auc_score(broken, scores) >= 0.85
    assert broken[np.argsort(scores)[::-1][:20]].mean() >= 0.8


def _left_out() -> tuple[np.ndarray, np.ndarray]:
    """Scores of the shipped examples by rankers that saw none of their theme, and their labels."""
    examples = read_examples()
    scores, broken = [], []
    for theme in sorted({each.theme for each in examples}):
        ranker = CommentRanker([each for each in examples if each.theme != theme])
        left_out = [each for each in examples if each.theme == theme]
        scores += _scores(ranker, [each.text for each in left_out]).tolist()
        broken += [each.broken for each in left_out]
    return np.array(scores), np.array(broken)


def test_what_suggests_a_broken_rule_is_seldom_a_mistake():
    """At the score from which a comment counts, themes left out and held out: few sound ones, most broken ones."""
    held_out = read_examples(HELD_OUT)
    held_scores = _scores(usual_ranker(), [each.text for each in held_out])
    for scores, broken in (_left_out(), (held_scores, np.array([each.broken for each in held_out]))):
        loud = scores >= SUGGESTS
        assert loud[~broken].mean() <= MISTAKEN
        assert loud[broken].mean() >= 0.65


def test_support_raises_the_precision_and_never_spoils_it():
    """Held-out comments, some of weeks in which a rate moved: p@20 rises if that means something, else stays ≥ .8."""
    held_out = read_examples(HELD_OUT)
    ranked = usual_ranker().rank([each.text for each in held_out])
    broken = np.array([each.broken for each in held_out])
    plain, rng = precision_at(ranked, broken), np.random.default_rng(5)

    def precision(of_broken: float, of_sound: float) -> float:
        """With these shares of comments in weeks that moved."""
        moved = rng.random(broken.size) < np.where(broken, of_broken, of_sound)
        comments = [Comment("", 1, date.min, "", "", "", each, bool(moved[each.index])) for each in ranked]
        return precision_at([one.ranked for one in sorted(comments, key=lambda one: -one.weight)], broken)

    telling = [precision(0.7, 0.2) for _ in range(200)]
    assert np.mean(telling) > plain
    assert min(telling) >= 0.8
    assert min(precision(0.5, 0.5) for _ in range(200)) >= 0.8


def _voices(suspicious: int, overridden: int, comments: int = 100, wordings: int = 9, writers: int = 5) -> Voices:
    """Of some weeks."""
    loud = frozenset(range(wordings)) if suspicious else frozenset()
    return Voices(overridden, comments, suspicious, frozenset(range(40)), loud, frozenset(range(writers)))


def test_comments_point_to_weeks_in_which_they_are_denser():
    """Fisher's exact test, as scipy has it; and of ever so many cards a chance of 0 is one."""
    here, elsewhere = _voices(12, 100), _voices(5, 400)
    expected = fisher_exact([[12, 88], [5, 395]], alternative="greater").pvalue
    assert denser(here, elsewhere) == pytest.approx(expected)
    assert denser(_voices(3, 100), _voices(10, 400)) is None
    assert denser(_voices(60_000, 100_000), _voices(500, 400_000)) == 0


def test_one_voice_is_none():
    """Neither one person nor one text that is pasted."""
    for lonely in (_voices(12, 100, writers=1), _voices(12, 100, wordings=2)):
        assert denser(lonely, _voices(5, 400)) is None
        assert not complain(lonely)


def test_complaints_are_more_than_mistakes():
    """By wordings, against the share that the ranker takes for complaints by mistake (exact binomial)."""
    assert binom.sf(12, 40, MISTAKEN) < 0.01 < binom.sf(11, 40, MISTAKEN)
    assert complain(_voices(13, 100, wordings=13))
    assert not complain(_voices(200, 1000, wordings=12))


def test_voices_of_several_weeks_are_counted_together():
    """A writer of two weeks is one."""
    both = together([_voices(3, 10, 5, 4, 2), _voices(2, 20, 6, 5, 3)])
    assert (both.overridden, both.comments, both.suspicious) == (30, 11, 5)
    assert (len(both.suspicious_wordings), len(both.writers), len(both.wordings)) == (5, 3, 40)
    assert together([]) == Voices()


def test_the_shipped_examples_are_about_three_hundred_half_of_them_broken():
    """No text twice, so that none can teach and try at once."""
    examples = read_examples()
    assert 290 <= len(examples) <= 320
    assert 0.45 <= np.mean([each.broken for each in examples]) <= 0.55
    assert len({each.text for each in examples}) == len(examples)


def test_the_weights_are_those_of_scikit_learn():
    """Log-odds of multinomial naive Bayes with the same smoothing, on the same features."""
    examples = read_examples()
    held = [features(each.text) for each in examples]
    names = sorted(set().union(*held))
    table = np.array([[name in each for name in names] for each in held], dtype=float)
    oracle = MultinomialNB(alpha=1.0).fit(table, [each.broken for each in examples])
    weights = oracle.feature_log_prob_[1] - oracle.feature_log_prob_[0]
    expected = (table @ weights) / np.sqrt(table.sum(axis=1))
    np.testing.assert_allclose(_scores(usual_ranker(), [each.text for each in examples]), expected, atol=1e-9)


def test_a_rank_names_the_words_that_raised_it():
    """As the comment has them, the strongest first, and no word without content among them."""
    first, second = usual_ranker().rank(["will monitor daily", "The alert is wrong, patient is already on it"])
    assert first.index == 1
    words = [word.text for word in first.raised_by]
    assert {"already", "wrong"} <= set(words)
    assert not {"the", "is", "it"} & set(words)
    weights = [word.weight for word in first.raised_by]
    assert weights == sorted(weights, reverse=True)
    assert second.score < 0 < first.score


def test_negation_reaches_three_words_and_ends_at_a_full_stop():
    """A word after "not" is another word: "not on warfarin"."""
    assert "not … warfarin" in features("patient is not on warfarin")
    assert "not … warfarin" in features("doesn't take any warfarin")
    assert "not … warfarin" not in features("not now. warfarin today")
    assert "not … far" not in features("not one two three far")


def test_marks_and_numbers_are_features_and_no_value_becomes_a_word():
    """All numbers are one."""
    assert features("why 42?!")[LOUD] == "?!"
    assert NUMBER in features("K 5,9")
    assert not any(character.isdigit() for stem in features("BP 180/95 at 7:30") for character in stem)


def test_an_empty_comment_says_nothing():
    """Score 0, no words; nor does one of unknown words."""
    for ranked in usual_ranker().rank(["", "zzzz qqqq"]):
        assert (ranked.score, ranked.raised_by, ranked.style) == (0, (), 0)


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_text_has_a_place(comments):
    """Each comment once, scores falling."""
    ranked = usual_ranker().rank(comments)
    assert sorted(each.index for each in ranked) == list(range(len(comments)))
    assert all(first.score >= second.score for first, second in pairwise(ranked))


def test_examples_of_one_kind_teach_nothing():
    """Both kinds are needed; and twenty places need twenty comments."""
    with pytest.raises(ValueError, match="both kinds"):
        CommentRanker([Example("wrong", "x", True)])
    with pytest.raises(ValueError, match="fewer"):
        precision_at(usual_ranker().rank(["wrong"]), [True])
