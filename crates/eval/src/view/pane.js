// Panes: one run's tree of a problem, its selected node and its rounds. Only rows in sight are in the page.

const ROW = 26; // pixels; the style says so, too
const SPARE = 12; // rows beyond each end of what is in sight
const DEEPEST = 30; // levels that are indented further

let panes = 0;

class Pane {
  // `most` is the most tokens held in any of the trees that are shown.
  constructor(run, problem, tree, most) {
    this.run = run;
    this.problem = problem;
    this.tree = tree;
    this.name = `pane-${panes++}`;
    this.outline = new Outline(tree.nodes);
    this.scale = scoreScale(tree.nodes);
    this.onPath = new Set();
    this.selected = tree.selected ?? 0;
    for (const id of this.outline.path(this.selected)) this.onPath.add(id);
    if (tree.selected === null) this.onPath.clear();
    this.rowsShown = this.outline.rows();
    this.body = element("div", { className: "rows-body", role: "presentation" });
    this.list = element("div", { className: "rows", role: "tree", tabIndex: 0 }, [this.body]);
    this.list.setAttribute("aria-label", `Tree of ${run.name}`);
    this.count = element("p", { className: "count" });
    this.count.setAttribute("aria-live", "polite");
    this.detail = element("div", { className: "detail" });
    this.list.addEventListener("scroll", () => this.draw());
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.draw()).observe(this.list);
    const columns = ["step", "score", "log p", "tokens", "computed"];
    const head = columns.map((label) => element("span", { className: label.replace(" ", "-") }, [label]));
    this.element = element("section", { className: "pane" }, [
      element("h3", {}, [run.name]),
      statusLine(problem),
      this.count,
      element("div", { className: "columns" }, [
        element("div", { className: "row head", ariaHidden: "true" }, head),
        this.list,
      ]),
      this.detail,
      timeline(tree, most),
    ]);
    this.refresh();
    this.select(this.selected);
  }

  filter(test) {
    this.outline.filter(test);
    this.refresh();
    // What was selected may be gone; the next best is the first that matches.
    if (test && !this.outline.matches[this.selected]) {
      const first = this.rowsShown.find((id) => this.outline.matches[id]);
      if (first !== undefined) this.select(first);
    }
  }

  refresh() {
    this.rowsShown = this.outline.rows();
    this.place = new Map(this.rowsShown.map((id, at) => [id, at]));
    this.body.style.height = `${this.rowsShown.length * ROW}px`;
    const all = this.tree.nodes.length;
    const found = this.outline.count();
    this.count.textContent =
      found === all ? plural(all, "node") : `${found} of ${plural(all, "node")} match`;
    this.draw();
  }

  draw() {
    const top = Math.floor(this.list.scrollTop / ROW);
    const first = Math.max(0, top - SPARE);
    const last = Math.min(this.rowsShown.length, top + Math.ceil(this.list.clientHeight / ROW) + SPARE);
    this.body.replaceChildren();
    for (let at = first; at < last; at++) this.body.append(this.row(this.rowsShown[at], at));
    const shown = this.place.get(this.selected);
    if (shown >= first && shown < last) {
      this.list.setAttribute("aria-activedescendant", `${this.name}-${this.selected}`);
    } else {
      this.list.removeAttribute("aria-activedescendant");
    }
  }

  row(id, at) {
    const node = this.tree.nodes[id];
    const depth = this.outline.depth[id];
    const inner = this.outline.shownChildren(id).length > 0;
    const folded = this.outline.folded.has(id);
    const siblings = id === 0 ? [0] : this.outline.shownChildren(node.parent);
    const text = id === 0 ? (this.problem.question ?? "the problem") : node.text;
    const step = element("span", { className: "step" }, [
      element("span", { className: "fold" }, [inner ? (folded ? "▸" : "▾") : ""]),
      element("span", { className: "id" }, [String(id)]),
      element("span", { className: "text" }, [snippet(text)]),
      mark(node),
    ]);
    step.style.paddingInlineStart = `${Math.min(depth, DEEPEST) * 0.9}rem`;
    const score = firstScore(node);
    const chip = element("span", { className: "score" }, [score === undefined ? "" : digits(score)]);
    if (score !== undefined) chip.style.setProperty("--share", `${this.scale(score) * 100}%`);
    const row = element("div", { className: "row", role: "treeitem", id: `${this.name}-${id}` }, [
      step,
      chip,
      element("span", { className: "log-p" }, [node.logprob === undefined ? "" : fixed(node.logprob, 2)]),
      element("span", { className: "tokens" }, [id === 0 ? String(this.tree.prompt_tokens) : String(node.tokens)]),
      element("span", { className: "computed" }, [human(node.cost.computed)]),
    ]);
    row.dataset.node = id;
    row.style.transform = `translateY(${at * ROW}px)`;
    row.classList.toggle("selected", id === this.selected);
    row.classList.toggle("chosen", this.onPath.has(id));
    row.classList.toggle("wasted", !node.kept);
    row.classList.toggle("context", this.outline.matches !== null && !this.outline.matches[id]);
    row.setAttribute("aria-level", depth + 1);
    row.setAttribute("aria-selected", id === this.selected);
    row.setAttribute("aria-setsize", siblings.length);
    row.setAttribute("aria-posinset", siblings.indexOf(id) + 1);
    if (inner) row.setAttribute("aria-expanded", !folded);
    return row;
  }

  select(id) {
    this.selected = id;
    this.outline.reveal(id);
    if (!this.place.has(id)) this.refresh();
    const at = (this.place.get(id) ?? 0) * ROW;
    const { scrollTop, clientHeight } = this.list;
    if (at < scrollTop) this.list.scrollTop = at;
    else if (clientHeight > 0 && at + ROW > scrollTop + clientHeight) this.list.scrollTop = at + ROW - clientHeight;
    this.draw();
    this.detail.replaceChildren(nodeDetail(this, id));
  }

  fold(id, folded) {
    if (folded) this.outline.folded.add(id);
    else this.outline.folded.delete(id);
    this.refresh();
  }

  foldAll(folded) {
    this.outline.folded.clear();
    if (folded) {
      for (const id of this.outline.order) if (id > 0) this.outline.folded.add(id);
      const top = this.outline.path(this.selected)[1] ?? 0;
      this.refresh();
      this.select(top);
    } else {
      this.refresh();
      this.select(this.selected);
    }
  }

  click(event) {
    const row = event.target.closest("[data-node]");
    if (!row) return;
    const id = Number(row.dataset.node);
    if (event.target.closest(".fold")) this.fold(id, !this.outline.folded.has(id));
    this.select(id);
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const id = this.selected;
    const at = this.place.get(id) ?? 0;
    const children = this.outline.shownChildren(id);
    const open = children.length > 0 && !this.outline.folded.has(id);
    const page = Math.max(1, Math.floor(this.list.clientHeight / ROW) - 1);
    const go = (to) => this.select(this.rowsShown[Math.min(Math.max(to, 0), this.rowsShown.length - 1)]);
    const actions = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      PageDown: () => go(at + page),
      PageUp: () => go(at - page),
      Home: () => go(0),
      End: () => go(this.rowsShown.length - 1),
      ArrowRight: () => (open ? this.select(children[0]) : this.fold(id, false)),
      ArrowLeft: () => (open ? this.fold(id, true) : id > 0 && this.select(this.tree.nodes[id].parent)),
      Enter: () => children.length > 0 && this.fold(id, open),
      " ": () => children.length > 0 && this.fold(id, open),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}

// A number to so many places, without a minus before nothing but zeros.
function fixed(number, places) {
  return number.toFixed(places).replace(/^-(0\.?0*)$/, "$1");
}

// A score to three digits.
function digits(score) {
  return score !== 0 && Math.abs(score) < 0.001 ? score.toExponential(1) : fixed(score, 3);
}

// The score of the first scorer that scored a node.
function firstScore(node) {
  return node.scores && Object.values(node.scores)[0];
}

// Where a score lies between the tree's lowest and highest, from 0 to 1.
function scoreScale(nodes) {
  let low = Infinity;
  let high = -Infinity;
  for (const node of nodes) {
    const score = firstScore(node);
    if (score === undefined) continue;
    low = Math.min(low, score);
    high = Math.max(high, score);
  }
  return (score) => (high > low ? (score - low) / (high - low) : 1);
}

function mark(node) {
  const marks = {
    equal: ["right", "✓ right"],
    not_equal: ["wrong", "✗ wrong"],
    undecided: ["undecided", "? undecided"],
  };
  let [kind, label] = marks[node.verdict] ?? ["", ""];
  if (!kind && node.finish === "eos") [kind, label] = ["ended", node.answer === undefined ? "ended" : "answer"];
  if (node.finish === "length") [kind, label] = ["cut", "cut"];
  if (!kind && node.observed) [kind, label] = ["observed", node.observed.status === "ok" ? "output" : node.observed.status];
  return element("span", { className: `mark ${kind}` }, [label]);
}

function statusLine(problem) {
  const words = [problem.stop, plural(problem.nodes, "node"), plural(problem.rounds, "round")];
  words.push(`${human(problem.generated)} tokens sampled`, `${human(problem.computed)} computed`);
  words.push(amount(problem.flops, "FLOPs"));
  if (problem.budget !== null) words.push(`${(problem.budget * 100).toFixed(0)} % of the budget`);
  return element("p", { className: "status-line" }, [badge(problem.status), ` ${words.join(" · ")}`]);
}

function badge(status) {
  return element("span", { className: `badge ${status}` }, [status.replace("-", " ")]);
}
