package flight

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"
)

// packedBits is how many bits of a UUID of version 4 are random.
const packedBits = 122

// packer puts UUIDs of version 4 one behind the other, without the bits that all of them
// have. Nothing compresses the others: in hex, they would take more room.
type packer struct {
	bytes []byte
	bits  uint64 // that have no byte yet, in its lowest ones
	n     int    // how many
}

// put adds a UUID.
func (p *packer) put(id uuid.UUID) {
	high, low := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	p.putBits(high>>16, 48)
	p.putBits(high&0xfff, 12)
	p.putBits(low>>32&0x3fffffff, 30)
	p.putBits(low&0xffffffff, 32)
}

func (p *packer) putBits(bits uint64, n int) {
	p.bits, p.n = p.bits<<n|bits, p.n+n
	for ; p.n >= 8; p.n -= 8 {
		p.bytes = append(p.bytes, byte(p.bits>>(p.n-8)))
	}
	p.bits &= 1<<p.n - 1
}

// text returns the UUIDs in base64.
func (p *packer) text() string {
	all := p.bytes
	if p.n > 0 {
		all = append(all, byte(p.bits<<(8-p.n)))
	}
	return base64.RawStdEncoding.EncodeToString(all)
}

// unpacker is the reverse of packer.
type unpacker struct {
	bytes []byte
	at    int // in bits
}

func newUnpacker(text string) (*unpacker, error) {
	b, err := base64.RawStdEncoding.DecodeString(text)
	return &unpacker{bytes: b}, err
}

// next returns the next UUID.
func (u *unpacker) next() (id uuid.UUID, err error) {
	if u.at+packedBits > 8*len(u.bytes) {
		return id, errShort
	}
	high := u.nextBits(48)<<16 | 4<<12 | u.nextBits(12)
	low := 2<<62 | u.nextBits(30)<<32 | u.nextBits(32)
	binary.BigEndian.PutUint64(id[:8], high)
	binary.BigEndian.PutUint64(id[8:], low)
	return id, nil
}

func (u *unpacker) nextBits(n int) (bits uint64) {
	for n > 0 {
		left := 8 - u.at%8
		take := min(left, n)
		b := uint64(u.bytes[u.at/8]) >> (left - take) & (1<<take - 1)
		bits, n, u.at = bits<<take|b, n-take, u.at+take
	}
	return bits
}
