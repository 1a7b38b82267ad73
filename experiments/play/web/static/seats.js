// What each seat has, and what it needs to win.
function goal(name, now, most, value) {
  const row = document.createElement("div"), bar = document.createElement("progress");
  row.className = "goal";
  Object.assign(bar, { max: most, value: now });
  bar.setAttribute("aria-label", name);
  const title = document.createElement("span"), number = document.createElement("output");
  [title.textContent, number.textContent] = [name, value];
  row.append(title, bar, number);
  return row;
}

// nameOf(seat): who sits there.
export function drawSeats(place, { board, position }, nameOf) {
  const { rings, eliminated_to_win: out, territory_to_win: land } = board;
  place.replaceChildren(...position.counts.map((count, index) => {
    const item = document.createElement("li"), name = document.createElement("b");
    item.className = `seat seat${index + 1}${position.seat === index + 1 ? " now" : ""}`;
    const won = position.winner === index + 1 ? " – wins" : "";
    name.textContent = `Seat ${index + 1}: ${nameOf(index + 1)}${won}`;
    item.append(name, goal("in hand", count.hand, rings, count.hand),
      goal("eliminated", count.eliminated, out, `${count.eliminated} of ${out}`),
      goal("territory", count.territory, land, `${count.territory} of ${land}`));
    return item;
  }));
}
