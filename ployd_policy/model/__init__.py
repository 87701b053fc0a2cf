"""The words every other room speaks: frozen values, standard library only, no behaviour that reaches out."""
