#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Where lines go.
struct LogTarget: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case standardOutput
        case standardError
        case file(path: String, LogRotation)
    }

    enum LogRotation: Sendable, Equatable {
        case never
        /// Opened anew when another program has moved the file away.
        case watched
        /// Moved to `path.1`, and that one to `path.2`, before it grows beyond so many bytes.
        case bySize(bytes: Int, backups: Int)
        /// Moved to `path.2026-11-21` and the like when a period is over.
        case byTime(LogPeriod, backups: Int)
    }

    var kind: Kind
}

/// An open target. Used by one thread at a time.
struct LogOutput: ~Copyable {
    private let kind: LogTarget.Kind
    private var descriptor: Int32
    private var size = 0
    private var identity: (device: UInt64, node: UInt64) = (0, 0)
    /// When a file that is moved by time is moved next.
    private var due = Int.max

    init(_ target: LogTarget) throws(LogOutputError) {
        kind = target.kind
        switch target.kind {
        case .standardOutput: descriptor = STDOUT_FILENO
        case .standardError: descriptor = STDERR_FILENO
        case .file:
            descriptor = -1
            try open()
        }
    }

    deinit { if case .file = kind, descriptor >= 0 { close(descriptor) } }

    /// Opens a file again, as after another program moved it.
    mutating func reopen() throws(LogOutputError) {
        guard case .file = kind else { return }
        let old = descriptor
        do {
            try open()
        } catch {
            descriptor = old
            throw error
        }
        if old >= 0 { close(old) }
    }

    private mutating func open() throws(LogOutputError) {
        guard case .file(let path, let rotation) = kind else { return }
        let opened = systemOpen(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard opened >= 0 else { throw LogOutputError(path: path, reason: String(cString: strerror(errno))) }
        descriptor = opened
        var information = stat()
        fstat(descriptor, &information)
        size = Int(information.st_size)
        identity = (UInt64(information.st_dev), UInt64(information.st_ino))
        if case .byTime(let period, _) = rotation {
            #if canImport(Darwin)
            let changed = Int(information.st_mtimespec.tv_sec)
            #else
            let changed = Int(information.st_mtim.tv_sec)
            #endif
            due = period.end(after: size > 0 ? changed : LogTime.now().seconds)
        }
    }

    /// Makes ready to write a line of `count` bytes at `now`: moves the file if its time has come.
    /// - Returns: Whether lines gathered so far have to be written first, to the file as it is.
    func mustRotate(before count: Int, pending: Int, at now: Int) -> Bool {
        guard case .file(_, let rotation) = kind else { return false }
        switch rotation {
        case .never, .watched: return false
        case .bySize(let bytes, let backups):
            return bytes > 0 && backups > 0 && size + pending > 0 && size + pending + count > bytes
        case .byTime: return now >= due
        }
    }

    /// Moves the file away and begins a new one.
    mutating func rotate(at now: Int) throws(LogOutputError) {
        guard case .file(let path, let rotation) = kind else { return }
        switch rotation {
        case .never, .watched: return
        case .bySize(_, let backups):
            for number in stride(from: backups - 1, through: 1, by: -1) {
                rename("\(path).\(number)", "\(path).\(number + 1)")
            }
            rename(path, "\(path).1")
        case .byTime(let period, let backups):
            rename(path, "\(path).\(period.name(ofPeriodEnding: due))")
            if backups > 0 { removeOld(path, period, keeping: backups) }
        }
        try reopen()
        if case .byTime(let period, _) = rotation { due = period.end(after: now) }
    }

    private func removeOld(_ path: String, _ period: LogPeriod, keeping backups: Int) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { String(path[...$0]) } ?? "./"
        let prefix = (slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path) + "."
        guard let stream = opendir(directory) else { return }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    String(cString: $0)
                }
            }
            if name.hasPrefix(prefix), period.isName(String(name.dropFirst(prefix.count))) { names.append(name) }
        }
        for name in names.sorted().dropLast(backups) { unlink(directory + name) }
    }

    mutating func write(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        if case .file(let path, .watched) = kind {
            var information = stat()
            let found = stat(path, &information) == 0
            if !found || (UInt64(information.st_dev), UInt64(information.st_ino)) != identity { try? reopen() }
        }
        size += bytes.count
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, 1000)
            } else if errno != EINTR {
                // A full disk or a closed terminal: there is nowhere left to say so.
                return
            }
        }
    }
}

/// A log file that cannot be opened.
struct LogOutputError: Error, CustomStringConvertible {
    let path: String
    let reason: String
    var description: String { "\(path): cannot be opened for logging: \(reason)" }
}

private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, buffer, count)
}
