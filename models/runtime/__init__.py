"""How does a manifest become a model that answers?

Read in this order: `manifest` (what was declared), `whereabouts` and `population` (for whom there is an answer),
`gather` (which facts of the record count), `windows` and `features` (the numbers), `artefact` and `explain` (the risk
and its reasons), `evidence` (what validation found), `model` (all of it in one page), `catalogue` (which models there
are), `score_cache` (an answer is remembered for some minutes).

A published score goes another way: `score_manifest` and `score_inputs` (what was declared), `score_situation` (for
whom), `find_input` (what the record says of each input), `score_answer` (what its `score.py` gives back),
`score_findings` (the words of the answer), `score_model` (all of it in one page).
"""
