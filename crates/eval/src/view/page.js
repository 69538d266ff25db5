// The page: runs, problems, and the trees of the problem that is open.

const page = JSON.parse(document.getElementById("page").textContent);
const main = document.getElementById("main");
const single = page.problems.length === 1;
let open = [];
let controls = {};

// An element with properties and content; text stays text.
function element(tag, properties = {}, content = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...content);
  return made;
}

function plural(n, word) {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}

// A number with three digits and a decimal prefix.
function human(number) {
  const prefixes = ["", " k", " M", " G", " T", " P", " E"];
  let prefix = 0;
  while (Math.abs(number) >= 999.5 && prefix + 1 < prefixes.length) {
    number /= 1000;
    prefix += 1;
  }
  const size = Math.abs(number);
  const places = prefix === 0 ? (Math.abs(number % 1) < 0.05 ? 0 : 1) : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return number.toFixed(places) + prefixes[prefix];
}

// A number with its unit.
function amount(number, unit) {
  const text = human(number);
  return text.includes(" ") ? text + unit : `${text} ${unit}`;
}

// The start of a text on one line.
function snippet(text) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

function runFacts(run) {
  const facts = element("dl", { className: "facts" });
  for (const [label, said] of run.facts) facts.append(element("dt", {}, [label]), element("dd", {}, [said]));
  return element("section", { className: "run" }, [element("h2", {}, [run.name]), facts, element("p", { className: "note" }, [run.dir])]);
}

function problemTable() {
  const level = (id) => page.runs[0].problems[id]?.level ?? "";
  const levels = page.problems.some((id) => level(id));
  const share = (problem) => (problem.budget === null ? "" : `${(problem.budget * 100).toFixed(0)} %`);
  // Of each run: labels, and what they say of a problem.
  const columns = page.runs.map((run) => {
    const bounded = Object.values(run.problems).some((problem) => problem.budget !== null);
    return [
      [run.name, (problem) => badge(problem.status)],
      ["answer", (problem) => problem.answer ?? problem.error ?? ""],
      ["sampled", (problem) => human(problem.generated)],
      ["computed", (problem) => human(problem.computed)],
      ["nodes", (problem) => String(problem.nodes)],
      ...(bounded ? [["budget", share]] : []),
    ];
  });
  const cell = (tag, content) => element(tag, {}, [content]);
  const head = ["problem", ...(levels ? ["level"] : []), ...columns.flat().map(([label]) => label)];
  const rows = page.problems.map((id) => {
    const cells = [element("a", { href: `#${encodeURIComponent(id)}` }, [id]), ...(levels ? [level(id)] : [])];
    page.runs.forEach(({ problems }, at) => {
      for (const [, say] of columns[at]) cells.push(problems[id] ? say(problems[id]) : "–");
    });
    const row = element("tr", {}, cells.map((content) => cell("td", content)));
    row.dataset.problem = id;
    return row;
  });
  const table = element("table", { className: "problems" }, [
    element("thead", {}, [element("tr", {}, head.map((label) => cell("th", label)))]),
    element("tbody", {}, rows),
  ]);
  return element("section", { className: "scroll" }, [table]);
}

function options(label, name, choices) {
  const select = element("select", { name });
  for (const [value, text] of choices) select.append(element("option", { value }, [text]));
  controls[name] = select;
  return element("label", {}, [label, select]);
}

function filterBar() {
  controls = {};
  const text = element("input", { type: "search", name: "text", placeholder: "in a step or an answer" });
  const score = element("input", { type: "number", name: "score", step: "any" });
  const round = element("input", { type: "number", name: "round", min: "0", step: "1" });
  Object.assign(controls, { text, score, round });
  const finishes = [["", "any"], ["step", "step over"], ["eos", "answer over"], ["length", "cut"]];
  const answers = [["", "any"], ["equal", "right"], ["not_equal", "wrong"], ["undecided", "undecided"], ["kept", "leads to an answer"], ["wasted", "leads to none"]];
  const button = (label, act) => {
    const made = element("button", { type: "button" }, [label]);
    made.addEventListener("click", act);
    return made;
  };
  const bar = element("form", { className: "filter", role: "search" }, [
    element("label", {}, ["text", text]),
    element("label", {}, ["score at least", score]),
    options("ends", "finish", finishes),
    element("label", {}, ["round", round]),
    options("answer", "answer", answers),
    button("clear", () => {
      bar.reset();
      applyFilter();
    }),
    button("fold all", () => open.forEach((pane) => pane.foldAll(true))),
    button("unfold all", () => open.forEach((pane) => pane.foldAll(false))),
  ]);
  bar.addEventListener("input", applyFilter);
  bar.addEventListener("submit", (event) => event.preventDefault());
  return bar;
}

function applyFilter() {
  const text = controls.text.value.trim().toLowerCase();
  const [score, round] = [controls.score, controls.round].map((one) => (one.value === "" ? null : Number(one.value)));
  const [finish, answer] = [controls.finish.value, controls.answer.value];
  const tests = [];
  if (text) tests.push((node) => `${node.text}\n${node.answer ?? ""}`.toLowerCase().includes(text));
  if (score !== null) tests.push((node) => Object.values(node.scores ?? {}).some((one) => one >= score));
  if (finish) tests.push((node) => node.finish === finish);
  if (round !== null) tests.push((node) => node.round === round);
  if (answer === "kept" || answer === "wasted") tests.push((node, id) => id > 0 && node.kept === (answer === "kept"));
  else if (answer) tests.push((node) => node.verdict === answer);
  const all = tests.length === 0 ? null : (node, id) => tests.every((test) => test(node, id));
  for (const pane of open) pane.filter(all);
}

function filterByRound(round) {
  controls.round.value = controls.round.value === String(round) ? "" : round;
  applyFilter();
}

function problemView(id) {
  open = [];
  const bar = filterBar();
  const trees = page.runs.map(({ problems }) => {
    const name = problems[id]?.tree;
    return name ? JSON.parse(document.getElementById(name).textContent) : null;
  });
  let most = 1;
  for (const tree of trees) for (const round of tree?.rounds ?? []) most = Math.max(most, round.kv_peak);
  const columns = page.runs.map((run, at) => {
    const problem = run.problems[id];
    if (trees[at]) {
      const pane = new Pane(run, problem, trees[at], most);
      open.push(pane);
      return pane.element;
    }
    const why = problem ? problem.absent : "This run has no such problem.";
    return element("section", { className: "pane" }, [element("h3", {}, [run.name]), problem ? statusLine(problem) : "", element("p", { className: "absent" }, [why])]);
  });
  const question = page.runs.map((run) => run.problems[id]?.question).find(Boolean);
  const keys = "Arrow keys walk through a tree: → unfolds, ← folds or goes up, Enter does either.";
  return [
    single ? "" : element("h2", {}, [id]),
    question ? element("p", { className: "question" }, [question]) : "",
    bar,
    element("div", { className: columns.length > 1 ? "panes two" : "panes" }, columns),
    element("p", { className: "note" }, [keys]),
  ];
}

function show() {
  const asked = single ? page.problems[0] : decodeURIComponent(location.hash.slice(1));
  const id = page.problems.includes(asked) ? asked : null;
  document.title = id && !single ? `${id} · ${page.title}` : page.title;
  const heading = element("h1", {}, [page.title]);
  if (id === null) {
    open = [];
    main.replaceChildren(heading, element("div", { className: "runs" }, page.runs.map(runFacts)), problemTable());
    return;
  }
  const facts = element("div", { className: "runs" }, page.runs.map(runFacts));
  const top = single ? fold("what was run", [facts]) : element("p", {}, [element("a", { href: "#" }, ["all problems"])]);
  main.replaceChildren(heading, top, ...problemView(id));
  for (const pane of open) pane.select(pane.selected);
}

window.addEventListener("hashchange", show);
show();
