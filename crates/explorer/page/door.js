// The way to the worker: questions with promised answers, and the newest of many wishes.
class Door {
  constructor(module) {
    this.module = module;
    this.source = URL.createObjectURL(new Blob([`"use strict";(${worker})()`], { type: "text/javascript" }));
    this.open();
  }

  open() {
    this.waiting = new Map();
    this.next = 0;
    this.worker = new Worker(this.source);
    this.worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error) reject(data.error); else resolve(data);
    };
    this.worker.onerror = (event) => this.fail({ code: "worker", message: event.message || "no worker could be started" });
    this.ready = this.send({ module: this.module });
    this.ready.catch(() => {});
  }

  send(message) {
    return new Promise((resolve, reject) => {
      const id = this.next++;
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, ...message });
    });
  }

  async ask(request) {
    await this.ready;
    const answer = await this.send({ request });
    measured.push({ do: request.do, kind: request.kind, draws: request.draws, took: answer.took });
    return answer.reply;
  }

  fail(error) {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  // Gives up what is under way; the new worker knows nothing.
  restart() {
    this.worker.terminate();
    this.fail({ code: "stopped", message: "stopped" });
    this.open();
  }
}

// How long the library took for each answer, milliseconds; the last ones.
const measured = Object.assign([], {
  push(entry) {
    if (this.length > 200) this.shift();
    return Array.prototype.push.call(this, entry);
  },
});

// Runs one job at a time; of those that come meanwhile only the newest is kept.
class Latest {
  constructor(work) {
    this.work = work;
    this.running = false;
    this.wish = null;
  }

  async want(wish) {
    this.wish = wish;
    if (this.running) return;
    this.running = true;
    while (this.wish !== null) {
      const now = this.wish;
      this.wish = null;
      await this.work(now, () => this.wish !== null);
    }
    this.running = false;
  }
}
