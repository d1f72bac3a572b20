package film

import (
	"fmt"
	"slices"
	"strings"
)

// The parts of command lines.

func words(text string) []string { return strings.Fields(text) }

func join(parts ...[]string) []string { return slices.Concat(parts...) }

func picture(size string, seconds int) []string {
	return words(fmt.Sprintf("-f lavfi -i testsrc2=s=%s:r=25:d=%d", size, seconds))
}

func tone(seconds int) []string {
	return words(fmt.Sprintf("-f lavfi -i sine=f=440:b=4:d=%d", seconds))
}

func sized(size string, seconds int) []string { return join(picture(size, seconds), tone(seconds)) }

func av(seconds int) []string { return sized("320x180", seconds) }

// late is a film whose picture and sound begin at the given times.
func late(picture, sound float64) []string {
	return words(fmt.Sprintf("-itsoffset %f -f lavfi -i testsrc2=s=320x180:r=25:d=4 -itsoffset %f -f lavfi -i sine=f=440:b=4:d=4", picture, sound))
}

// uneven is a film whose pictures come 2 to 25 times a second.
func uneven() []string {
	return words("-f lavfi -i testsrc2=s=320x180:r=25:d=6,select='if(lt(t\\,2)\\,1\\,if(lt(t\\,4)\\,not(mod(n\\,12))\\,not(mod(n\\,3))))' -f lavfi -i sine=f=440:b=4:d=6")
}

// tracks is a film with n sounds.
func tracks(seconds, n int) []string {
	args, maps := picture("320x180", seconds), words("-map 0")
	for i := range n {
		args = join(args, words(fmt.Sprintf("-f lavfi -i sine=f=%d:d=%d", 300*(i+1), seconds)))
		maps = append(maps, "-map", fmt.Sprint(i+1))
	}
	return join(args, maps)
}

func x264(more ...string) []string {
	return join(words("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -c:a aac -b:a 64k"), more)
}

func hevc(more ...string) []string {
	return join(words("-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:pools=1 -c:a aac -b:a 64k"), more)
}
