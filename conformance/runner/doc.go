// Package runner runs cases and says how they ended. Call WorkerMain first in main (and in TestMain of a
// package that calls Run), give Run the selected cases, and take a result.Run.
//
// It owns the worker processes, the bubble of each case, the way of a step from Gherkin into the bubble,
// and the outcome of what happened there. The world itself is the caller's: a Stage. Its invariants:
//
//   - A case passes only if each of its steps was defined once, was run, and returned without an error;
//     its world then closed and left nothing behind. Pending, skipped, ambiguous and undefined steps never
//     pass.
//   - A case's result depends on the case, the seed and the SDK, never on how many workers there are or on
//     what ran before; wall times apart.
//   - What goes wrong in a case costs this case: a frozen bubble, a leaked goroutine, a panic, os.Exit or an
//     endless loop ends its worker process, and the next case gets a fresh one.
//   - Nothing is tried twice.
//
// It never judges a requirement and writes no report.
package runner
