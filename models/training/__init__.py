"""What the training of every risk model shares: fitting, cross-validation, measures, intervals, evidence, artefacts.

It is not needed to serve. It imports `clinical`, `models.runtime`, numpy and scikit-learn.
"""
