import MatrixCore

// Times what every event goes through: parsing, canonical JSON, sealing, authorization, and state resolution at a fork.
//
//     swift run -c release CoreBenchmarks            (make bench-core)
//
// Prints microseconds per operation, the median of several rounds, and the budgets there are.

let clock = ContinuousClock()

/// Runs `body` in rounds of about `milliseconds` each; returns the median time of one call in microseconds.
func median(rounds: Int = 9, milliseconds: Int64 = 60, _ body: () throws -> Void) rethrows -> Double {
    var count = 1
    while true {
        let time = try clock.measure { for _ in 0..<count { try body() } }
        if time > .milliseconds(milliseconds) || count > 1 << 24 { break }
        count *= 2
    }
    var times: [Double] = []
    for _ in 0..<rounds {
        let time = try clock.measure { for _ in 0..<count { try body() } }
        let (seconds, attoseconds) = time.components
        times.append((Double(seconds) * 1e6 + Double(attoseconds) / 1e12) / Double(count))
    }
    return times.sorted()[rounds / 2]
}

func report(_ name: String, _ microseconds: Double, budget: Double? = nil) {
    let value = (microseconds * 100).rounded() / 100
    let verdict = budget.map { microseconds <= $0 ? "within \($0)" : "MISSES \($0)" } ?? ""
    let padding = String(repeating: " ", count: max(1, 44 - name.utf8.count))
    print("\(name)\(padding)\(value) µs  \(verdict)")
}

/// Keeps the optimizer from dropping a result nobody reads.
@inline(never) func keep<Value>(_ value: Value) {}

let version = RoomVersion.v12
var generator = SystemRandomNumberGenerator()
let key = SigningKey.generate(using: &generator)
let room = try LargeRoom(members: 9_900, conflicts: 100, version: version, key: key)

let draft = room.messageDraft
let message = try draft.sealed(version: version, origin: room.server, key: key)
let text = message.object.encoded()
print("A message of \(text.count) bytes, a room of \(room.base.count) state events, version \(version.id)\n")

report("parse", try median { keep(try JSONObject.parse(text)) })
report("encode", median { keep(message.object.encoded()) })
report("encode canonically", try median { keep(try message.object.canonical()) })
report(
    "seal (hash, sign, ID)",
    try median { keep(try draft.sealed(version: version, origin: room.server, key: key)) })
report("check the format of a PDU", try median { keep(try Event(pdu: message.object, version: version)) })
report("authorize", try median { try authorize(message, state: { room.base[$0].flatMap { room.events[$0] } }) })

let sets = room.forks
report(
    "resolve 100 conflicts, whole states",
    try median(rounds: 5) {
        keep(
            try resolveState(sets, version: version, event: { room.events[$0] }, authChain: { room.authChain(of: $0) }))
    }, budget: 20_000)
