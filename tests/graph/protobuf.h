#pragma once
// Writes model files by hand, right or wrong: the wire format of protobuf and the field numbers of onnx.proto.

#include <cstdint>
#include <string>
#include <vector>

namespace whence::test {

inline std::string varint(uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    return out + static_cast<char>(value);
}
inline std::string number(int field, int64_t value) { return varint(field << 3) + varint(static_cast<uint64_t>(value)); }
inline std::string text(int field, const std::string& bytes) {
    return varint(field << 3 | 2) + varint(bytes.size()) + bytes;
}

inline std::string node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& name = "") {
    std::string out;
    for (const std::string& input : inputs) out += text(1, input);
    for (const std::string& output : outputs) out += text(2, output);
    return text(1, out + text(3, name) + text(4, op));
}
/// A float32 input (field 11) or output (field 12) [N, 2].
inline std::string value(int field, const std::string& name) {
    const std::string shape = text(1, text(2, "N")) + text(1, number(1, 2));
    return text(field, text(1, name) + text(2, text(1, number(1, 1) + text(2, shape))));
}
inline std::string input(const std::string& name) { return value(11, name); }
inline std::string output(const std::string& name) { return value(12, name); }
/// A float32 constant; `data` are its last fields.
inline std::string constant(const std::string& name, const std::vector<int64_t>& shape, const std::string& data) {
    std::string out;
    for (const int64_t length : shape) out += number(1, length);
    return text(5, out + number(2, 1) + text(8, name) + data);
}
inline std::string raw(const std::string& bytes) { return text(9, bytes); }
inline std::string external(const std::string& location) {
    return text(13, text(1, "location") + text(2, location)) + number(14, 1);
}
/// A function of domain "own" (a field of the model), called by nodes with that domain.
inline std::string function(const std::string& name, const std::vector<std::string>& inputs,
                            const std::vector<std::string>& outputs, const std::string& nodes) {
    std::string out = text(1, name);
    for (const std::string& input : inputs) out += text(4, input);
    for (const std::string& output : outputs) out += text(5, output);
    return text(25, out + nodes + text(9, number(2, 18)) + text(10, "own"));
}
/// A node inside a function.
inline std::string body(const std::string& op, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                        const std::string& rest = "") {
    std::string out;
    for (const std::string& input : inputs) out += text(1, input);
    for (const std::string& output : outputs) out += text(2, output);
    return text(7, out + text(4, op) + rest);
}
/// The field of a node that says it calls a function.
inline std::string own() { return text(7, "own"); }
inline std::string call(const std::string& op, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                        const std::string& rest = "") {
    std::string out;
    for (const std::string& input : inputs) out += text(1, input);
    for (const std::string& output : outputs) out += text(2, output);
    return text(1, out + text(4, op) + own() + rest);
}
/// A node whose attribute is a graph.
inline std::string holding(const std::string& op, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                           const std::vector<std::pair<std::string, std::string>>& graphs, const std::string& name = "") {
    std::string out;
    for (const std::string& input : inputs) out += text(1, input);
    for (const std::string& output : outputs) out += text(2, output);
    out += text(3, name) + text(4, op);
    for (const auto& [key, graph] : graphs) out += text(5, text(1, key) + text(6, text(2, key) + graph) + number(20, 5));
    return text(1, out);
}
inline std::string model(const std::string& graph) { return number(1, 8) + text(8, number(2, 18)) + text(7, text(2, "g") + graph); }

}  // namespace whence::test
