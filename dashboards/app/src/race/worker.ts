/**
 * The worker of the race: all lanes are received and decoded here, so that what is measured does not wait for painting. The
 * lanes share one thread; at some thousand events a second its work is far below what is shown.
 */
import { mostCertain, oneClock } from './clock.ts';
import { nowUs, Runner } from './runner.ts';
import { LANES, type Course, type FromRunner, type RaceClock, type ToRunner } from './talk.ts';

const scope = self as unknown as {
  postMessage(message: FromRunner): void;
  onmessage: ((event: MessageEvent<ToRunner>) => void) | null;
};

let clock: RaceClock = { offset_us: 0, error_us: 0, source: 'unknown' };
let course: Course | undefined;
let running = true;
const say = (message: FromRunner): void => scope.postMessage(message);
const runners = LANES.map((name) => new Runner(name, () => clock, say));

function tick(): void {
  clock = course?.oneClock
    ? oneClock(nowUs(), Date.now())
    : mostCertain(
        clock,
        runners.map(({ offset }) => offset),
      );
}

function start(): void {
  for (const runner of runners) {
    if (course && running) runner.run(course);
    else runner.stop();
  }
}

scope.onmessage = ({ data }) => {
  switch (data.ask) {
    case 'course':
      course = data.course;
      tick();
      return start();
    case 'run':
      running = data.run;
      return start();
    case 'take':
      say({
        say: 'figures',
        lanes: runners.map((runner) => runner.figures(data.bins)),
        clock,
        taken_us: nowUs(),
      });
  }
};
setInterval(tick, 1000);
