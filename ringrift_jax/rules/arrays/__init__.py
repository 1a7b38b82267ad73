"""Arrays that the rules compute with: lanes, planes and rows of bits, packed stacks, rays. No rules in here."""
