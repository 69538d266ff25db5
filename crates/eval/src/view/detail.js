// Details: all that is known of one node.

function nodeDetail(pane, id) {
  const { tree, outline } = pane;
  const node = tree.nodes[id];
  const parts = [element("h4", {}, [id === 0 ? "Root: the problem" : `Node ${id}`])];
  const text = id === 0 ? (pane.problem.question ?? "") : node.text;
  parts.push(element("pre", { className: "node-text" }, [text]));
  const facts = element("dl", { className: "facts" });
  const say = (label, value, name) => {
    if (value === undefined || value === "") return;
    const said = element("dd", {}, [value]);
    if (name) said.dataset.fact = name;
    facts.append(element("dt", {}, [label]), said);
  };
  for (const [scorer, score] of Object.entries(node.scores ?? {})) {
    const name = scorer === "0" ? pane.run.scorer : null;
    say(name ? `score, ${name}` : `score, scorer ${scorer}`, String(score), `score-${scorer}`);
  }
  if (node.logprob !== undefined) {
    const mean = node.tokens > 0 ? `, ${fixed(node.logprob / node.tokens, 4)} a token` : "";
    say("log-probability", `${fixed(node.logprob, 4)} nats${mean}`, "logprob");
  }
  if (node.observed) say("left by", `tool ${node.observed.tool}: ${node.observed.status}`, "observed");
  const ends = { step: "the step is over", eos: "the answer is over", length: "cut by a length cap" };
  say("ends because", ends[node.finish], "finish");
  if (node.answer !== undefined) say("answer", answerText(node), "answer");
  if (node.round !== undefined) say("made in round", String(node.round), "round");
  if (node.merged) say("made from", node.merged.map((from) => `node ${from}`).join(", "), "merged");
  say("tokens", String(id === 0 ? tree.prompt_tokens : node.tokens), "tokens");
  say("spend", spendText(node.cost), "spend");
  const { flops, flops_uncached: uncached } = node.cost;
  say("FLOPs", human(flops) + (uncached > flops ? `, ${human(uncached)} without any cache` : ""), "flops");
  say("keys and values", heldText(tree, node, id), "kv");
  say("leads to an answer", node.kept ? "yes" : "no", "kept");
  if (node.seed) say("seed", node.seed, "seed");
  parts.push(facts);
  for (const reply of node.replies ?? []) {
    const label = `${reply.kind} in round ${reply.round}, ${plural(reply.tokens, "token")}`;
    parts.push(fold(label, [element("pre", {}, [reply.text])]));
  }
  if (id > 0 && outline.depth[id] > 1) {
    const steps = outline.path(id).slice(1);
    const whole = steps.map((step) => tree.nodes[step].text).join("");
    parts.push(fold(`the whole path, ${plural(steps.length, "step")}`, [element("pre", {}, [whole])]));
  }
  return element("div", {}, parts);
}

function answerText(node) {
  const verdicts = { equal: "right", not_equal: "wrong", undecided: "the grader could not tell" };
  return node.verdict ? `${node.answer} (${verdicts[node.verdict]})` : node.answer;
}

function spendText(cost) {
  const parts = [`${human(cost.sampled)} sampled`, `${human(cost.computed)} computed`];
  parts.push(`${human(cost.cached)} read from cache`);
  if (cost.scored > 0) parts.push(`${human(cost.scored)} of the computed by the scorer`);
  if (cost.judged > 0) parts.push(`${human(cost.judged)} said by judges`);
  parts.push(plural(cost.calls, "call"));
  if (cost.tool_calls > 0) parts.push(`${plural(cost.tool_calls, "call")} of tools, ${fixed(cost.tool_ms, 1)} ms`);
  return parts.join(", ");
}

function heldText(tree, node, id) {
  const tokens = id === 0 ? tree.prompt_tokens : node.tokens;
  const size = kvSize(tree, tokens);
  if (!node.held) return `${size}, not held for the tree`;
  const ranges = node.held.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  const one = ranges.length === 1 && node.held[0][0] === node.held[0][1];
  return `${size}, held in ${one ? "round" : "rounds"} ${ranges.join(", ")}`;
}

// Bytes where the run says how many a token holds, else tokens.
function kvSize(tree, tokens) {
  if (tree.kv_bytes_per_token === null) return plural(tokens, "token");
  return amount(tokens * tree.kv_bytes_per_token, "B");
}

function fold(label, content) {
  return element("details", {}, [element("summary", {}, [label]), ...content]);
}
