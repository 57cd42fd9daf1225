"use strict";
// Okabe and Ito's colours, distinguishable for colour-blind people too.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#8c6bb1"];

const $ = id => document.getElementById(id);
const percent = share => share > .995 && share < 1 ? "> 99 %" : `${Math.round(share * 100)} %`;
const pause = ms => new Promise(done => setTimeout(done, ms));

// The token is in the cookie now; in the address bar it would be seen, and shared by mistake.
if (location.search) history.replaceState(null, "", location.pathname);

function part(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

function say(text, warn) {
  $("said").textContent = text;
  $("said").classList.toggle("warn", !!warn);
}

