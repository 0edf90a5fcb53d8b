// A language model that writes by the clock, in a thread of its own: each event says when it was sent.
import http from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const { tokens, interval } = workerData;

/** Nanoseconds of the machine's own clock, which every thread and process reads alike. */
const now = () => process.hrtime.bigint();

const server = http.createServer((request, response) => {
  const arrived = now();
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let sent = 0;
    const write = () => {
      response.write(`data: {"content":"${now()} ${arrived}"}\n\n`);
      sent += 1;
      if (sent === tokens) {
        clearInterval(timer);
        response.end('data: [DONE]\n\n');
      }
    };
    const timer = setInterval(write, interval);
    write();
    response.on('close', () => {
      clearInterval(timer);
      if (!response.writableFinished) parentPort.postMessage({ closed: String(now()) });
    });
  });
});
server.listen(0, '127.0.0.1', 4096, () => parentPort.postMessage({ port: server.address().port }));
