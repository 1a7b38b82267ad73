// Light or dark: as the system has it, until a person chooses.
function theme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("theme", name);
}

export function themed(button) {
  button.onclick = () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  theme(localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
}
