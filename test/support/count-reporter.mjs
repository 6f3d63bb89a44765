/** Last line of a run: `N passed, N failed`, with what was skipped, for scripts that read it. */
export default class CountReporter {
  onRunComplete(_contexts, results) {
    const failedSuites = results.testResults.filter((suite) => suite.testExecError !== undefined).length;
    const skipped = results.numPendingTests + results.numTodoTests;
    this.line = `${results.numPassedTests} passed, ${results.numFailedTests + failedSuites} failed`;
    if (skipped > 0) this.line += `, ${skipped} skipped`;
    process.stdout.write(`\n${this.line}\n`);
  }
}
