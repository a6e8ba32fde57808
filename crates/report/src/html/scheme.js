"use strict";
{
  const button = document.getElementById("scheme");
  const schemes = [["light dark", "as the system", "◐"], ["light", "light", "○"], ["dark", "dark", "●"]];
  let chosen = 0;
  button.addEventListener("click", () => {
    chosen = (chosen + 1) % schemes.length;
    const [scheme, words, sign] = schemes[chosen];
    document.documentElement.style.colorScheme = scheme;
    button.textContent = sign;
    button.setAttribute("aria-label", `Colours: ${words}`);
  });
}
