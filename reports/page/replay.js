"use strict";

// A page that is opened from a disk knows where its report is: the command then works in any folder.
(() => {
  const command = document.getElementById("replay");
  if (location.protocol !== "file:") return;
  const folder = decodeURIComponent(new URL(command.dataset.root, location).pathname).replace(/^\/([A-Za-z]:)/, "$1").replace(/\/$/, "");
  command.textContent += " --out " + (/[^\w@%+=:,./-]/.test(folder) ? "'" + folder.replaceAll("'", "'\\''") + "'" : folder);
})();
