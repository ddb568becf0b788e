import Foundation
import Logging
import Synchronization

/// Formats and writes records on a thread of its own, so that logging costs a request no more than a lock and an append.
///
/// The buffer is bounded. When the outputs cannot keep up, further records are dropped, and counted in a line of their own.
final class LogWriter: Sendable {
    private struct Queue {
        var records: [LogRecord] = []
        var dropped = 0
    }

    /// The writing side. Whoever holds it takes the records, so lines keep their order whoever writes them.
    private struct Outputs: ~Copyable {
        var outputs: [LogOutputBox]
        var clock = LogClock()
    }

    private let capacity: Int
    private let levels: [Logger.Level]
    private let queue = Mutex(Queue())
    private let outputs: Mutex<Outputs>
    /// Holds a byte while there are records that the thread has not seen.
    private let wake: Pipe

    /// - Throws: ``LogOutputError`` if a file cannot be opened.
    init(_ plans: [LogPlan.Output], capacity: Int = 16_384) throws(LogOutputError) {
        self.capacity = capacity
        levels = plans.map(\.level)
        var opened: [LogOutputBox] = []
        for plan in plans { opened.append(try LogOutputBox(plan)) }
        outputs = Mutex(Outputs(outputs: opened))
        wake = Pipe()
    }

    /// Starts the thread. Without it, records are written by ``flush()`` alone.
    func start() {
        let thread = Thread { [self] in
            while let data = try? wake.fileHandleForReading.read(upToCount: 1), !data.isEmpty { flush() }
        }
        thread.name = "log"
        thread.start()
    }

    /// Hands over a record.
    func append(_ record: LogRecord) {
        let wasEmpty = queue.withLock { queue in
            guard queue.records.count < capacity else {
                queue.dropped += 1
                return false
            }
            queue.records.append(record)
            return queue.records.count == 1
        }
        if wasEmpty { try? wake.fileHandleForWriting.write(contentsOf: [0]) }
    }

    /// Writes what has been handed over so far; when it returns, all of it has been handed to the system.
    func flush() {
        outputs.withLock { outputs in
            let (records, dropped) = queue.withLock { queue in
                defer { queue = Queue() }
                return (queue.records, queue.dropped)
            }
            for index in outputs.outputs.indices {
                outputs.outputs[index].write(records, output: index, level: levels[index], clock: &outputs.clock)
                if dropped > 0, let last = records.last {
                    var notice = last
                    notice.level = .error
                    notice.label = "axolemma.log"
                    notice.message = "\(dropped) log lines were dropped, as they came faster than they could be written"
                    notice.metadata = [:]
                    notice.outputs = [index]
                    outputs.outputs[index].write([notice], output: index, level: .trace, clock: &outputs.clock)
                }
            }
        }
    }

    /// Opens all files again, after what was logged so far has been written to the old ones.
    /// - Returns: What went wrong; those files stay open as they were.
    func reopen() -> [LogOutputError] {
        flush()
        return outputs.withLock { outputs in outputs.outputs.compactMap { $0.reopen() } }
    }
}

/// An output with its format. A class, as what cannot be copied cannot be in an array; it is only used under a lock.
private final class LogOutputBox {
    private var output: LogOutput
    private let format: LogFormat
    private var buffer: [UInt8] = []

    init(_ plan: LogPlan.Output) throws(LogOutputError) {
        output = try LogOutput(plan.target)
        format = plan.format
    }

    func write(_ records: [LogRecord], output number: Int, level: Logger.Level, clock: inout LogClock) {
        for record in records where record.outputs.contains(number) && record.level >= level {
            let start = buffer.count
            format.append(record, to: &buffer, clock: &clock)
            let length = buffer.count - start
            if output.mustRotate(before: length, pending: start, at: record.time.seconds) {
                let line = Array(buffer[start...])
                output.write(Array(buffer[..<start]))
                try? output.rotate(at: record.time.seconds)
                buffer = line
            }
        }
        output.write(buffer)
        buffer.removeAll(keepingCapacity: buffer.count < 1 << 20)
    }

    func reopen() -> LogOutputError? {
        do {
            try output.reopen()
            return nil
        } catch {
            return error
        }
    }
}
