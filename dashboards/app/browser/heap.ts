/**
 * How much memory the page's script and its worker use, after garbage was collected, through Chromium's debugging protocol.
 */
import type { CDPSession, Page } from 'playwright-core';

export class Heap {
  private nextId = 1;
  private readonly answers = new Map<number, (result: { usedSize: number }) => void>();

  private constructor(
    private readonly session: CDPSession,
    private readonly workers: Set<string>,
  ) {
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result } = JSON.parse(message) as { id: number; result: { usedSize: number } };
      this.answers.get(id)?.(result);
      this.answers.delete(id);
    });
  }

  static async of(page: Page): Promise<Heap> {
    const session = await page.context().newCDPSession(page);
    const workers = new Set<string>();
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') workers.add(sessionId);
    });
    await session.send('Target.setAutoAttach', {
      ...{ autoAttach: true, waitForDebuggerOnStart: false, flatten: false },
    });
    return new Heap(session, workers);
  }

  /** Bytes: of the page, and of its workers. */
  async used(): Promise<{ page: number; worker: number }> {
    await this.session.send('HeapProfiler.collectGarbage');
    const { usedSize: page } = await this.session.send('Runtime.getHeapUsage');
    let worker = 0;
    for (const sessionId of this.workers) {
      await this.tell(sessionId, 'HeapProfiler.collectGarbage');
      worker += (await this.tell(sessionId, 'Runtime.getHeapUsage')).usedSize;
    }
    if (worker === 0) throw new Error('the worker was not found');
    return { page, worker };
  }

  private async tell(sessionId: string, method: string): Promise<{ usedSize: number }> {
    const id = this.nextId++;
    const answer = new Promise<{ usedSize: number }>((resolve) => this.answers.set(id, resolve));
    const message = JSON.stringify({ id, method });
    await this.session.send('Target.sendMessageToTarget', { sessionId, message });
    return answer;
  }
}
