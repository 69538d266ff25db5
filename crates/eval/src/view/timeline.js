// Timelines: a search round by round, with the keys and values it held.

const MANY_ROUNDS = 200; // more are drawn only when they are asked for

// `most` is the most tokens held in any of the trees that are shown.
function timeline(tree, most) {
  const note =
    "Held is what the policy keeps for the tree, the prompt included and branches that begin alike once: " +
    "first while the round ran, then after it. An engine's hidden states and spare room come on top. " +
    (tree.kv_bytes_per_token === null
      ? "This run does not say how many bytes a token holds."
      : `A token holds ${tree.kv_bytes_per_token} bytes.`);
  const scroll = element("div", { className: "scroll" });
  const whole = element("details", { className: "timeline" }, [
    element("summary", {}, [`${plural(tree.rounds.length, "round")}, and what was held in each`]),
    scroll,
    element("p", { className: "note" }, [note]),
  ]);
  const draw = () => scroll.append(roundTable(tree, most));
  if (tree.rounds.length > MANY_ROUNDS) {
    whole.addEventListener("toggle", draw, { once: true });
  } else {
    draw();
    whole.open = true;
  }
  return whole;
}

function roundTable(tree, most) {
  const unit = tree.kv_bytes_per_token === null ? "tokens" : "bytes";
  const head = ["round", "asked", "new nodes", "sampled", "computed", `keys and values held, ${unit}`];
  const rows = tree.rounds.map((round, number) => {
    const button = element("button", { type: "button", title: "Show only the nodes of this round" }, [String(number)]);
    button.addEventListener("click", () => filterByRound(number));
    const bar = element("span", { className: "bar" });
    bar.style.setProperty("--peak", `${(round.kv_peak / most) * 100}%`);
    bar.style.setProperty("--after", `${(round.kv_after / most) * 100}%`);
    const held = `${kvSize(tree, round.kv_peak)}, then ${kvSize(tree, round.kv_after)}`;
    const cells = [
      [button],
      [round.asks],
      [String(round.made)],
      [human(round.cost.sampled)],
      [human(round.cost.computed)],
      [bar, element("span", { className: "held" }, [held])],
    ];
    return element("tr", {}, cells.map((cell, at) => element(at === 0 ? "th" : "td", {}, cell)));
  });
  return element("table", {}, [
    element("thead", {}, [element("tr", {}, head.map((label) => element("th", {}, [label])))]),
    element("tbody", {}, rows),
  ]);
}
