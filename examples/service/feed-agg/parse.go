package app

import (
	"cmp"
	"encoding/xml"
	"strings"
	"time"
)

// An entry is one article of a feed, with the time of its last change.
type entry struct {
	Feed  string    `json:"feed"`
	Title string    `json:"title"`
	Link  string    `json:"link"`
	Time  time.Time `json:"time"`
}

// An item has the elements of Atom (RFC 4287) and of RSS 2.0.
type item struct {
	Title string `xml:"title"`
	Links []struct {
		Href string `xml:"href,attr"`
		Text string `xml:",chardata"`
	} `xml:"link"`
	Updated string `xml:"updated"`
	PubDate string `xml:"pubDate"`
}

// parse returns the entries of a feed of either format.
func parse(text []byte) (entries []entry, err error) {
	var feed struct {
		Title   string `xml:"title"`
		Entries []item `xml:"entry"`
		Channel struct {
			Title string `xml:"title"`
			Items []item `xml:"item"`
		} `xml:"channel"`
	}
	if err := xml.Unmarshal(text, &feed); err != nil {
		return nil, err
	}
	for _, i := range append(feed.Entries, feed.Channel.Items...) {
		e := entry{Feed: cmp.Or(feed.Title, feed.Channel.Title), Title: strings.TrimSpace(i.Title)}
		for _, link := range i.Links {
			e.Link = cmp.Or(e.Link, link.Href, strings.TrimSpace(link.Text))
		}
		for _, layout := range []string{time.RFC3339, time.RFC1123Z, time.RFC1123} {
			if at, err := time.Parse(layout, cmp.Or(i.Updated, i.PubDate)); err == nil {
				e.Time = at.UTC()
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}
