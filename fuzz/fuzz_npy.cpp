// Arrays that are read, written and read again are the same arrays.

#include "require.h"
#include "whence/core/error.h"
#include "whence/data/npy.h"

using namespace whence::data;

namespace {

std::vector<whence::NamedTensor> decode(std::span<const std::byte> bytes) {
    if (!bytes.empty() && bytes[0] == std::byte{'P'}) return decode_npz(bytes);
    std::vector<whence::NamedTensor> out;
    out.push_back({"", decode_npy(bytes)});
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    try {
        const std::vector<whence::NamedTensor> tensors =
            decode(std::as_bytes(std::span(bytes, size)));
        for (const whence::NamedTensor& tensor : tensors)
            require(decode_npy(encode_npy(tensor.value)) == tensor.value);
        const std::vector<whence::NamedTensor> again = decode_npz(encode_npz(tensors));
        require(again.size() == tensors.size());
        for (size_t i = 0; i < again.size(); ++i)
            require(again[i].name == tensors[i].name && again[i].value == tensors[i].value);
    } catch (const whence::Error&) {  // also for what cannot be written: bytes that are no UTF-8
    }
    return 0;
}
