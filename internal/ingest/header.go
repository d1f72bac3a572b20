package ingest

import (
	"bytes"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"
)

// trackHeader is what the players need to know of a track before its first fragment.
type trackHeader struct {
	init          []byte
	trak          []byte // the track's own box; of sound, with an empty edit for its delay
	delay         uint64 // ticks by which the track begins later than others
	codec         string
	timescale     uint32
	width, height int
	channels      int
}

// splitHeader makes a CMAF header (ISO/IEC 23000-19, 7.3.1) for each track of a multi-track moov.
func splitHeader(moov *mp4.MoovBox) (map[int]trackHeader, error) {
	tracks := make(map[int]trackHeader)
	for _, trak := range moov.Traks {
		if trak.Tkhd == nil || moov.Mvhd == nil || trak.Mdia == nil || trak.Mdia.Mdhd == nil || trak.Mdia.Minf == nil ||
			trak.Mdia.Minf.Stbl == nil || trak.Mdia.Minf.Stbl.Stsd == nil || trak.Mdia.Mdhd.Timescale == 0 {
			return nil, fmt.Errorf("incomplete track: %w", errStream)
		}
		h, err := describe(trak.Mdia.Minf.Stbl.Stsd)
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", trak.Tkhd.TrackID, err)
		}
		h.timescale = trak.Mdia.Mdhd.Timescale
		if err := h.write(moov, trak); err != nil {
			return nil, fmt.Errorf("track %d: %w", trak.Tkhd.TrackID, err)
		}
		tracks[int(trak.Tkhd.TrackID)] = h
	}
	return tracks, nil
}

// write fills in the header's boxes.
func (h *trackHeader) write(moov *mp4.MoovBox, trak *mp4.TrakBox) (err error) {
	if h.trak, err = encodeBoxes(trak); err != nil {
		return err
	}
	h.delay = takeDelay(trak, moov.Mvhd.Timescale)
	if h.width > 0 { // a late picture is made to begin with the others
		if h.trak, err = encodeBoxes(trak); err != nil {
			return err
		}
	}
	h.init, err = initSection(moov, trak)
	return err
}

// initSection writes ftyp and a moov with one track.
func initSection(moov *mp4.MoovBox, trak *mp4.TrakBox) ([]byte, error) {
	one, mvex := mp4.NewMoovBox(), mp4.NewMvexBox()
	for _, trex := range moov.Mvex.Trexs {
		if trex.TrackID == trak.Tkhd.TrackID {
			mvex.AddChild(trex)
		}
	}
	one.AddChild(moov.Mvhd)
	one.AddChild(trak)
	one.AddChild(mvex)
	return encodeBoxes(mp4.NewFtyp("iso6", 512, []string{"iso6", "cmfc", "mp41"}), one)
}

func encodeBoxes(boxes ...mp4.Box) ([]byte, error) {
	var out bytes.Buffer
	for _, box := range boxes {
		if err := box.Encode(&out); err != nil {
			return nil, fmt.Errorf("write %s: %w", box.Type(), err)
		}
	}
	return out.Bytes(), nil
}

// describe reads the sample description: H.264 or AAC, the only codecs that are asked of ffmpeg.
func describe(stsd *mp4.StsdBox) (trackHeader, error) {
	switch {
	case stsd.AvcX != nil && stsd.AvcX.AvcC != nil:
		v, c := stsd.AvcX, stsd.AvcX.AvcC
		return trackHeader{
			codec: fmt.Sprintf("avc1.%02x%02x%02x", c.AVCProfileIndication, c.ProfileCompatibility, c.AVCLevelIndication),
			width: int(v.Width), height: int(v.Height),
		}, nil
	case stsd.Mp4a != nil && stsd.Mp4a.Esds != nil && stsd.Mp4a.Esds.DecConfigDescriptor != nil && stsd.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo != nil:
		kind, err := audioObject(stsd.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig)
		return trackHeader{codec: fmt.Sprintf("mp4a.40.%d", kind), channels: int(stsd.Mp4a.ChannelCount)}, err
	}
	return trackHeader{}, fmt.Errorf("neither H.264 nor AAC: %w", errStream)
}

// audioObject reads the audio object type from an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
func audioObject(config []byte) (int, error) {
	if len(config) < 2 {
		return 0, fmt.Errorf("audio configuration of %d bytes: %w", len(config), errStream)
	}
	kind := int(config[0] >> 3)
	if kind == 31 {
		kind = 32 + int(config[0]&7)<<3 + int(config[1]>>5)
	}
	return kind, nil
}
