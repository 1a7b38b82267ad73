// What the page asks the server for. Every answer that is a refusal becomes an Error with the server's sentence.
async function answer(response) {
  const told = await response.json();
  if (!response.ok) throw Object.assign(new Error(told.problem || `the server says ${response.status}`), { refused: true });
  return told;
}

export async function get(path) {
  return answer(await fetch(path));
}

export async function post(path, body, type = "application/json") {
  const data = type === "application/json" ? JSON.stringify(body) : body;
  return answer(await fetch(path, { method: "POST", headers: { "Content-Type": type }, body: data }));
}
