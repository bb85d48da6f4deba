"""What came of the advice: outcomes, groups of patients and actions, as they are told to the ledger afterwards."""
