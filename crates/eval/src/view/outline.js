// Outlines: which nodes of a tree are listed, and in what order, given folds and a filter.

class Outline {
  constructor(nodes) {
    this.nodes = nodes;
    this.children = nodes.map(() => []);
    this.depth = new Array(nodes.length).fill(0);
    this.folded = new Set();
    this.matches = null; // of each node, whether the filter matches it; null without a filter
    this.kept = null; // the same, or whether it matches a node below
    // A parent's id is lower than its children's.
    for (let id = 1; id < nodes.length; id++) {
      const parent = nodes[id].parent;
      this.children[parent].push(id);
      this.depth[id] = this.depth[parent] + 1;
    }
    this.order = [];
    this.after = new Array(nodes.length).fill(0); // where in the order a node's descendants end
    const size = new Array(nodes.length).fill(1);
    for (let id = nodes.length - 1; id > 0; id--) size[nodes[id].parent] += size[id];
    const next = [0];
    while (next.length > 0) {
      const id = next.pop();
      this.after[id] = this.order.length + size[id];
      this.order.push(id);
      for (let at = this.children[id].length - 1; at >= 0; at--) next.push(this.children[id][at]);
    }
  }

  // Lists only nodes that `test` matches, and what leads to them. A new filter unfolds everything.
  filter(test) {
    this.folded.clear();
    if (!test) {
      this.matches = this.kept = null;
      return;
    }
    this.matches = this.nodes.map((node, id) => test(node, id));
    this.kept = this.matches.slice();
    for (let id = this.nodes.length - 1; id > 0; id--) {
      if (this.kept[id]) this.kept[this.nodes[id].parent] = true;
    }
  }

  count() {
    return this.matches ? this.matches.filter(Boolean).length : this.nodes.length;
  }

  rows() {
    const rows = [];
    for (let at = 0; at < this.order.length; ) {
      const id = this.order[at];
      const gone = this.kept && !this.kept[id];
      if (!gone) rows.push(id);
      at = gone || this.folded.has(id) ? this.after[id] : at + 1;
    }
    return rows;
  }

  shownChildren(id) {
    return this.kept ? this.children[id].filter((child) => this.kept[child]) : this.children[id];
  }

  // Unfolds all that hides a node.
  reveal(id) {
    for (let above = this.nodes[id].parent; above !== undefined; above = this.nodes[above].parent) {
      this.folded.delete(above);
    }
  }

  path(id) {
    const path = [];
    for (let at = id; at !== undefined; at = this.nodes[at].parent) path.unshift(at);
    return path;
  }
}
