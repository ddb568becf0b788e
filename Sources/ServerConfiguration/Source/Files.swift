#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The few file operations that configuration needs, with the system's words for what went wrong.
package enum Files {
    /// A file operation that failed, as a sentence without the path.
    package struct Failure: Error, CustomStringConvertible {
        package let code: Int32
        package let description: String

        package init(code: Int32) {
            self.code = code
            description = String(cString: strerror(code))
        }
        package init(_ description: String) { (self.code, self.description) = (0, description) }
    }

    /// Reads a whole file.
    /// - Parameter limit: The most bytes to read; a larger file is a failure.
    package static func read(_ path: String, limit: Int = 64 << 20) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = chunk.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Failure(code: errno)
            }
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw Failure("larger than \(limit) bytes") }
        }
    }

    /// Writes a file that must not exist yet, readable by its owner alone unless `mode` says more.
    package static func create(_ path: String, _ text: String, mode: UInt32 = 0o600) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode))
        guard descriptor >= 0 else { throw Failure(code: errno) }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Failure(code: errno)
            }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw Failure(code: errno) }
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    package static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    package static func isDirectory(_ path: String) -> Bool {
        var information = stat()
        return stat(path, &information) == 0 && (information.st_mode & S_IFMT) == S_IFDIR
    }

    /// The names in a directory, sorted by their bytes, without `.` and `..`.
    package static func list(_ path: String) throws(Failure) -> [String] {
        guard let directory = opendir(path) else { throw Failure(code: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes a directory and those above it; one that exists is left as it is.
    package static func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws(Failure) {
        guard !path.isEmpty, !isDirectory(path) else { return }
        try makeDirectory(directory(of: path), mode: mode)
        guard mkdir(path, mode_t(mode)) == 0 || errno == EEXIST else { throw Failure(code: errno) }
    }

    /// Makes a directory of a new name among the system's temporary files, for its owner alone.
    package static func makeTemporaryDirectory() throws(Failure) -> String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/axolemma-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else { throw Failure(code: errno) }
        return String(cString: path)
    }

    /// Removes a directory of files. What cannot be removed stays.
    package static func removeDirectory(_ path: String) {
        for name in (try? list(path)) ?? [] {
            let entry = "\(path)/\(name)"
            if isDirectory(entry) { removeDirectory(entry) } else { unlink(entry) }
        }
        rmdir(path)
    }

    /// The directory part of a path; `.` for a bare name.
    package static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// `path` seen from the root, without touching links.
    package static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        let relative = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
        let base = String(cString: current)
        if relative == "." || relative.isEmpty { return base }
        return base == "/" ? "/\(relative)" : "\(base)/\(relative)"
    }
}

/// `read(2)`, which the function of that name above would hide.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
