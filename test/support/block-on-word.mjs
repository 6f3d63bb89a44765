/** `node --import` this: the main thread is at work for 400 ms whenever it parses JSON with the word "standstill". */
const parse = JSON.parse;
JSON.parse = (text, ...rest) => {
  if (text.includes('standstill')) {
    const until = performance.now() + 400;
    while (performance.now() < until);
  }
  return parse(text, ...rest);
};
