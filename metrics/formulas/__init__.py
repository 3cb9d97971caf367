"""Pure arithmetic of Tend: standard library only, exact decimals in, a value or a reason out."""
