"""The rules of RingRift as pure JAX functions: one module per chapter, each with what is legal and what it does.

Reading order, with the sections of the rules; each has a twin in plain Python in ``reference/``, which its functions
name:

1. :mod:`.state`: what a game consists of (1), its phases (2).
2. :mod:`.actions`: the decisions, as numbers and taken apart.
3. :mod:`.effect`: the few small things that a decision can change, and their application to the board.
4. :mod:`.placement`: placing rings, skipping it, exchanging seats (3).
5. :mod:`.movement`: moves, captures and chains (4, 5).
6. :mod:`.recovery`: slides of a seat that controls nothing (6).
7. :mod:`.lines`: lines and windows of them (7).
8. :mod:`.territory`: regions, their borders and their price (8).
9. :mod:`.turn`: the phases in their order, forced elimination, the next seat (2, 9).
10. :mod:`.victory`: how games end, and round tracking (11, 12). Ranks (13) are ``State.ranks``.
11. :mod:`.legal`: every legal decision, as a mask or for one action, from the chapters.
12. :mod:`.step`: check a decision, merge the effects of the chapters, settle what follows without a choice.

Below them :mod:`.position` holds what several chapters ask of a board, and :mod:`.arrays` computes without knowing any
rule. Imports go from a module to those before it: ``arrays``, ``state``, ``actions`` and ``position``, ``effect``, the
chapters, ``turn``, ``legal``, ``step``.

Words of the game:

* cell: a place of the board, by index ``x * size + y``. It is empty, or holds a stack, or a marker, or is collapsed.
* ring: the piece; in hand, in a stack, or eliminated, which credits the seat that caused it.
* stack: rings on a cell. The seat of its top ring controls it; its height counts all rings.
* cap: the rings of the controlling seat from the top down to the first other one; its height decides captures.
* buried ring: one below the top of a stack.
* marker: what a stack leaves behind where it was; it belongs to a seat and may change owners.
* collapsed cell: one that is out of play for good and is territory of a seat.
* territory: the collapsed cells of a seat. To *collapse* cells is to make them so.
* line: a run of markers of one seat, long enough; a *window* is a stretch of it of just the required length.
* region: connected cells that some seat with rings on the board controls nothing in.
* border: the markers around a region, which collapse with it. The *colour* of a border is the seat whose markers, with
  the collapsed cells, wall the region in; a *mode* is a colour, or none.
* seat, player: seats move in order; who sits where may change once, by the swap.
* mover: the seat to decide. A *decision* is a choice; forced bookkeeping is played with the decision before it.

Words of the arrays:

* lane: one game of a batch, always the last axis (:mod:`.arrays.lanes`).
* plane: one entry per cell, ``[S, S, N]``; rows: a set of cells as bits, ``uint32[S, N]`` (:mod:`.arrays.grid`).
* word: a stack packed into one or two integers, or a board of them (:mod:`.arrays.stacks`).
* direction, axis: a step to a neighbour, and a pair of opposite ones; ray: the cells in a direction
  (:mod:`.arrays.rays`); segment: some consecutive cells of a straight line.
"""
