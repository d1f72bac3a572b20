// A WebTorrent tracker on the loopback, as small as p2p-media-loader lets it be: it hands the offers of whoever
// announces to the others of the swarm, and their answers back.

/** Starts one with the WebSocketServer of the package ws, and returns {port, close}. */
export async function startTracker(WebSocketServer, host) {
  const swarms = new Map(); // info_hash → peer_id → socket
  const server = new WebSocketServer({ host, port: 0 });
  server.on("connection", (socket) => {
    const joined = [];
    socket.on("error", () => {}); // a page that is closed cuts its connection
    socket.on("message", (text) => {
      const message = JSON.parse(text);
      const { info_hash, peer_id, to_peer_id, offers = [], answer, offer_id } = message;
      if (message.action !== "announce") return;
      if (!swarms.has(info_hash)) swarms.set(info_hash, new Map());
      const swarm = swarms.get(info_hash);
      const say = (to, what) => to?.send(JSON.stringify({ action: "announce", info_hash, ...what }));
      if (answer !== undefined) return say(swarm.get(to_peer_id), { peer_id, answer, offer_id });
      if (swarm.get(peer_id) !== socket) joined.push([swarm, peer_id]);
      swarm.set(peer_id, socket);
      say(socket, { interval: 30, complete: 0, incomplete: swarm.size });
      const others = [...swarm].filter(([id]) => id !== peer_id).sort(() => Math.random() - 0.5);
      for (const [i, { offer, offer_id }] of offers.entries()) say(others[i]?.[1], { peer_id, offer, offer_id });
    });
    socket.on("close", () => {
      for (const [swarm, id] of joined) if (swarm.get(id) === socket) swarm.delete(id);
    });
  });
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  const close = () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  };
  return { port: server.address().port, close };
}
