// What a user does all day.
import { scenario } from '../lib/scenario.mjs';

const SOURCE = `package main

import "fmt"

func double(n int) int {
	twice := 2 * n // STOP
	return twice   // NEXT
}

func main() {
	fmt.Println("twice:", double(21))
}
`;

// The breakpoint that was set with the mouse stops the program where the yellow line is; a step moves it; variables,
// evaluations and the program's output are shown; F5 lets it run to its end, and the session is over by itself.
scenario('debug', 'F5, a breakpoint, a step, variables, the Debug Console, and the end', { source: SOURCE }, async ({ vs, at }) => {
  await vs.setBreakpoint(at('STOP'));
  await vs.press('F5');
  await vs.stoppedAt(at('STOP'), { n: '21' });
  await vs.click('step-over');
  await vs.stoppedAt(at('NEXT'), { n: '21', twice: '42' });
  await vs.evaluate('twice + n');
  await vs.says(/^63$/m);
  await vs.press('F5');
  await vs.says(/twice: 42/);
  await vs.ended();
});
