"""How does a manifest become a model that answers?

Read in this order: `manifest` (what was declared), `whereabouts` and `population` (for whom there is an answer),
`gather` (which facts of the record count), `windows` and `features` (the numbers), `artefact` and `explain` (the risk
and its reasons), `evidence` (what validation found), `model` (all of it in one page), `catalogue` (which models there
are), `score_cache` (an answer is remembered for some minutes).
"""
